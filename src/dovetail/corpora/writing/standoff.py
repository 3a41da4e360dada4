"""What the writers of texts with annotations by character share: which of them can be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.marking.marked_text import Span
from dovetail.corpora.writing.raw_text import CUT_ANEW, NO_ARGUMENT, WHITE_SPACE_ONLY
from dovetail.corpora.writing.writable import is_writable, note_confidences
from dovetail.text.document import TASKS, Document, Entity, Sentence, character_pieces


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity with a name of its own, at half-open character positions.

    `pieces` are its fragments; for a format that does not hold such, the one pair of `start` and
    `end`.
    """

    name: str
    pieces: tuple[Span, ...]
    type: str

    @property
    def start(self) -> int:
        """Where its first fragment begins."""
        return self.pieces[0][0]

    @property
    def end(self) -> int:
        """Where its last fragment ends."""
        return self.pieces[-1][1]


@dataclass(frozen=True, slots=True)
class Link:
    """A relation between two mentions, by their names."""

    name: str
    type: str
    head: str
    tail: str


@dataclass(slots=True)
class Standoff:
    """The annotations of a document, ``T1``, ``T2`` …, and ``R1``, ``R2`` … between them."""

    mentions: list[Mention] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


def standoff_of(document: Document, tally: Tally, why_not: Callable[[str], str]) -> Standoff:
    """What can be written of a document; it is counted as kept, and the rest dropped.

    Args:
        document: what is to be written.
        tally: the account of the writing.
        why_not: the reason for which a type cannot be written; empty if it can.
    """
    tally.keep(DOCUMENT)
    tally.note(CUT_ANEW)
    found = Standoff()
    for sentence in document.sentences:
        if is_writable(document, sentence, tally):
            tally.keep(SENTENCE)
            _add(document, sentence, found, tally, why_not)
    return found


def _add(
    document: Document,
    sentence: Sentence,
    found: Standoff,
    tally: Tally,
    why_not: Callable[[str], str],
) -> None:
    names: dict[Entity, str] = {}
    for entity in sentence.sorted_entities:
        empty = "" if document.surface(sentence, entity).strip() else WHITE_SPACE_ONLY
        if reason := why_not(entity.type) or empty:
            tally.drop(Drop(document.id, ENTITY, reason, *entity.span, type=entity.type))
            continue
        tally.keep(ENTITY)
        names[entity] = f"T{len(found.mentions) + 1}"
        pieces = tuple(character_pieces(sentence, entity))
        found.mentions.append(Mention(names[entity], pieces, entity.type))
    for relation in sentence.sorted_relations:
        head, tail = names.get(relation.head), names.get(relation.tail)
        reason = why_not(relation.type)
        if reason or head is None or tail is None:
            span = sorted([*relation.head.span, *relation.tail.span])
            reason = reason or NO_ARGUMENT
            tally.drop(Drop(document.id, RELATION, reason, span[0], span[-1], type=relation.type))
            continue
        tally.keep(RELATION)
        found.links.append(Link(f"R{len(found.links) + 1}", relation.type, head, tail))
    note_confidences(sentence, tally)
    tally.note(
        "sentence: for which tasks it is annotated is not held",
        sentence.annotated != frozenset(TASKS),
    )


def unique_names(
    ids: Sequence[str], tally: Tally, is_name: Callable[[str], object], *, kind: str = DOCUMENT
) -> Iterator[str]:
    """The names of documents: the id where it can be one and is not taken, else a number."""
    taken = set(ids)
    used: set[str] = set()
    for number, id in enumerate(ids, start=1):
        name = id
        if not is_name(name) or name in used:
            name = f"{kind}-{number:06}"
            while name in taken:
                name += "-"
            tally.note(f"{kind}: its id cannot be held, so it was given a number")
        used.add(name)
        yield name
