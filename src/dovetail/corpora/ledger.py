"""The account of everything in a file: read, kept, or dropped for a reason.

A ledger adds up or does not come into being, so a reader that loses an annotation in silence
fails the moment it reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dovetail.text.document import Document

DOCUMENT = "document"
SENTENCE = "sentence"
ENTITY = "entity"
RELATION = "relation"
_KINDS = (DOCUMENT, SENTENCE, ENTITY, RELATION)
_SUMMARY_REASONS = 12

Unit = Literal["tokens", "characters"]


@dataclass(frozen=True, slots=True)
class Drop:
    """Something that was read and could not be kept.

    `start` and `end` are half-open positions, in `unit`: tokens of the sentence or characters of
    the document.  They are None where the thing has no place in the text.
    """

    document_id: str
    kind: str
    reason: str
    start: int | None = None
    end: int | None = None
    unit: Unit = "tokens"
    type: str = ""

    @classmethod
    def in_text(
        cls, document_id: str, kind: str, reason: str, span: tuple[int, int], type: str
    ) -> Drop:
        """A drop at half-open character positions of the document."""
        return cls(document_id, kind, reason, *span, unit="characters", type=type)

    def __str__(self) -> str:
        place = "" if self.start is None else f" at {self.unit} [{self.start}, {self.end})"
        type_ = f" {self.type}" if self.type else ""
        return f"{self.document_id}: {self.kind}{type_}{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Count:
    """Numbers of items of a kind that were read, kept and dropped."""

    read: int
    kept: int
    dropped: int


@dataclass(frozen=True)
class Ledger:
    """The account of one reading or one writing of a corpus.

    `counts` has ``document``, ``sentence``, ``entity`` and ``relation``, and whatever else the
    format has that Dovetail does not hold (``event``, ``attribute``, ...).  `notes` counts what
    was changed or left out without being one of these, as fields that are not read.

    Raises:
        ValueError: if a kind does not add up: read = kept + dropped = kept + its drops.
    """

    counts: Mapping[str, Count]
    drops: tuple[Drop, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed = Counter(drop.kind for drop in self.drops)
        for kind in {*self.counts, *listed}:
            count = self.counts.get(kind, Count(0, 0, 0))
            if count.read != count.kept + count.dropped or count.dropped != listed[kind]:
                raise ValueError(
                    f"the ledger does not add up for {kind!r}: {count}, {listed[kind]} drops listed"
                )

    def __getitem__(self, kind: str) -> Count:
        """The counts of a kind; zeros for a kind that did not occur."""
        return self.counts.get(kind, Count(0, 0, 0))

    def reasons(self) -> Counter[tuple[str, str]]:
        """How often each (kind, reason) led to a drop."""
        return Counter((drop.kind, drop.reason) for drop in self.drops)

    def with_names(self, shown: Callable[[str], str]) -> Ledger:
        """The same account with other names of files in what is said."""
        drops = tuple(
            replace(
                drop,
                document_id=shown(drop.document_id),
                reason=shown(drop.reason),
                type=shown(drop.type),
            )
            for drop in self.drops
        )
        return Ledger(self.counts, drops, {shown(note): n for note, n in self.notes.items()})

    def losses(self) -> str:
        """The dropped entities and relations, and apart from them what is never held."""
        lost = [
            f"{count.dropped:,} of {count.read:,} {plural(kind)}"
            for kind, count in self.counts.items()
            if count.dropped and kind in _KINDS
        ]
        never = [
            f"{count.dropped:,} {plural(kind)}"
            for kind, count in self.counts.items()
            if count.dropped and kind not in _KINDS
        ]
        said = [f"{_joined(lost)} could not be kept"] if lost else []
        said += [f"{_joined(never)} were left out, which Dovetail never holds"] if never else []
        return "; ".join(said)

    def summary(self) -> str:
        """The account in a few lines of plain text; `drops` lists what it sums up."""
        lines = [
            f"{kind}: {count.read} read, {count.kept} kept, {count.dropped} dropped"
            for kind, count in self.counts.items()
        ]
        reasons = self.reasons().most_common()
        for (kind, reason), times in reasons[:_SUMMARY_REASONS]:
            lines.append(f"  {times} x {kind} dropped: {reason}")
        if len(reasons) > _SUMMARY_REASONS:
            lines.append(f"  and {len(reasons) - _SUMMARY_REASONS} more reasons")
        lines.extend(f"  {times} x {note}" for note, times in self.notes.items())
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The account as plain JSON values, every drop included."""
        return {
            "counts": {
                kind: {"read": count.read, "kept": count.kept, "dropped": count.dropped}
                for kind, count in self.counts.items()
            },
            "drops": [
                {name: getattr(drop, name) for name in Drop.__dataclass_fields__}
                for drop in self.drops
            ],
            "notes": dict(self.notes),
        }


def plural(kind: str) -> str:
    """The name of several things of a kind."""
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


@dataclass(frozen=True, slots=True)
class TallyState:
    """The counts of a `Tally` at one moment."""

    read: Counter[str]
    kept: Counter[str]
    notes: Counter[str]
    drops: int


class Tally:
    """Collects a ledger while a corpus is read or written."""

    def __init__(self) -> None:
        self._read: Counter[str] = Counter(dict.fromkeys(_KINDS, 0))
        self._kept: Counter[str] = Counter()
        self._drops: list[Drop] = []
        self._notes: Counter[str] = Counter()

    def read(self, kind: str, times: int = 1) -> None:
        self._read[kind] += times

    def keep(self, kind: str, times: int = 1) -> None:
        self._kept[kind] += times

    def drop(self, drop: Drop) -> None:
        self._drops.append(drop)

    def state(self) -> TallyState:
        """The counts so far; `restore` goes back to them."""
        return TallyState(
            Counter(self._read), Counter(self._kept), Counter(self._notes), len(self._drops)
        )

    def restore(self, state: TallyState) -> None:
        """Forget what was counted since."""
        self._read, self._kept, self._notes = state.read, state.kept, state.notes
        del self._drops[state.drops :]

    def note(self, what: str, times: int = 1) -> None:
        if times:
            self._notes[what] += times

    def times_read(self, kind: str) -> int:
        """How many of a kind were read so far."""
        return self._read[kind]

    def times(self, reason: str) -> int:
        """How often a note was made, or something dropped for a reason, so far."""
        return self._notes[reason] + sum(drop.reason == reason for drop in self._drops)

    def keep_documents(self, documents: Iterable[Document]) -> None:
        """Count what stands in documents as kept."""
        for document in documents:
            _count(document, self._kept)

    def read_documents(self, documents: Iterable[Document]) -> None:
        """Count what stands in documents as read."""
        for document in documents:
            _count(document, self._read)

    def ledger(self) -> Ledger:
        """Close the account.

        Raises:
            ValueError: if it does not add up, which is a defect of the reader or writer.
        """
        dropped = Counter(drop.kind for drop in self._drops)
        counts = {
            kind: Count(self._read[kind], self._kept[kind], dropped[kind])
            for kind in dict.fromkeys([*self._read, *self._kept, *dropped])
        }
        return Ledger(counts, tuple(self._drops), dict(self._notes))


def _count(document: Document, counts: Counter[str]) -> None:
    counts[DOCUMENT] += 1
    counts[SENTENCE] += len(document.sentences)
    for sentence in document.sentences:
        counts[ENTITY] += len(sentence.entities)
        counts[RELATION] += len(sentence.relations)
        counts.update(item.task for item in sentence.unaligned)
