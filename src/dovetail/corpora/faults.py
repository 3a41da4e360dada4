"""What breaks a corpus, gathered while it is read, so that one reading names all of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dovetail.corpora.ledger import Drop, Tally
from dovetail.corpora.source.undecoded import spelt, with_place
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.text.reading import OnError

BROKEN = "broken"
"""How the reason of a drop begins whose item broke the format."""

_LISTED = 20
_REASON_CHARS = 200
_PLACE = re.compile(r"^(?P<file>.*?):(?P<rest> ?(?:\d+|item \d+|$).*)", re.DOTALL)
_PARTICULARS = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


@dataclass(frozen=True, slots=True)
class Fault:
    """An item that broke the format: its kind, as in the ledger, and the message with its place."""

    kind: str
    message: str


class Faults:
    """Leaves out what breaks a format and remembers it.

    Whatever the policy is, reading goes on, so that all faults come to light; `refuse` then raises
    one error that lists them.
    """

    def __init__(self, tally: Tally, on_error: OnError) -> None:
        self.found: list[Fault] = []
        self.on_error = on_error
        self._tally = tally

    @property
    def mends(self) -> bool:
        """Whether what has one possible meaning is mended."""
        return self.on_error == "fix"

    @contextmanager
    def guard(self, kind: str, document_id: str) -> Iterator[None]:
        """Read one item; if it breaks the format it is dropped with all that was counted of it.

        Whoever reads inside counts as always, and need not know whether the item will break.

        Args:
            kind: what is dropped: ``document``, ``sentence``, ``entity``, ``relation`` or a kind
                that the format has beside these.
            document_id: the document's name, or its place where it has none.
        """
        before = self._tally.state()
        try:
            yield
        except CorpusFormatError as error:
            self._tally.restore(before)
            self.add(kind, document_id, str(error))

    def add(self, kind: str, document_id: str, message: str) -> None:
        """Count an item that broke the format as read and dropped."""
        message = spelt(message)
        self.found.append(Fault(kind, message))
        self._tally.read(kind)
        _, reason = _split(message)
        name = with_place(document_id, message)
        self._tally.drop(Drop(name, kind, f"{BROKEN}: {reason[:_REASON_CHARS]}"))

    def refuse(self, hint: str = "") -> None:
        """Raise what was found, unless the policy leaves it out.

        Args:
            hint: what may be the cause of all of it.

        Raises:
            CorpusFormatError: listing the first faults in full and all by kind and file.
        """
        if self.found and self.on_error == "refuse":
            raise CorpusFormatError("\n".join(filter(None, [self.report(), hint])))

    def report(self) -> str:
        """The faults: the first in full, then counts by kind and file."""
        if len(self.found) == 1:
            return self.found[0].message
        lines = [f"{len(self.found):,} faults, so nothing was read:"]
        lines += (f"  {fault.message}" for fault in self.found[:_LISTED])
        if len(self.found) > _LISTED:
            lines.append(
                f"  and {len(self.found) - _LISTED:,} more. All of them, by kind and file:"
            )
            lines += (
                f"  {times:,} x {kind} in {file}: {reason}"
                for (kind, file, reason), times in self._by_kind().most_common(_LISTED)
            )
        lines.append(
            "Mend them; or --on-error drop (data.on_error) leaves out what is broken and lists it, "
            "and --on-error fix mends what can have one meaning only"
        )
        return "\n".join(lines)

    def _by_kind(self) -> Counter[tuple[str, str, str]]:
        """Faults that differ in names and numbers alone are of one kind."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for fault in self.found:
            file, reason = _split(fault.message)
            counts[fault.kind, file, _PARTICULARS.sub("…", reason)[:_REASON_CHARS]] += 1
        return counts


def _split(message: str) -> tuple[str, str]:
    """The file of a message, and what is said of it without the place."""
    match = _PLACE.match(message)
    if match is None:
        return "", message
    return match["file"], re.sub(r"^ ?(?:\d+: ?)?(?:item \d+: ?)?", "", match["rest"])


def refuse_nothing_left(kept: int, faults: Faults, path: str) -> None:
    """Raise `CorpusError` if every document of a corpus was broken."""
    if not kept and faults.found:
        raise CorpusError(
            f"{path}: all {len(faults.found):,} documents were broken; the first: "
            f"{faults.found[0].message}"
        )
