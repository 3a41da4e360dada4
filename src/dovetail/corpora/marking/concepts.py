"""Relations between concepts: a database entry, not a stretch of text, is their argument.

PubTator and BioC relate ``D007454`` to ``D003409``, each of which a text may mention many times.
Such a relation becomes one between two mentions: of all pairs the one whose beginnings are
closest, and of equally close ones the first.  So one relation of the file is one that is kept or
dropped.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import RELATION, Drop
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.text.document import ENTITY_TASK, TASKS

NO_MENTION = "the text has no mention of a concept that it names"
_NO_CONCEPT = frozenset(["", "-", "-1", "None"])
_SEPARATORS = re.compile(r"[,;|+]")


@dataclass(frozen=True, slots=True)
class ConceptRelation:
    """A relation by the identifiers of its concepts."""

    type: str
    head: str
    tail: str


@dataclass(slots=True)
class Mentions:
    """Where a text mentions which concept: positions in its list of entities."""

    _by_concept: defaultdict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, position: int, entity: CharacterEntity, identifier: str) -> None:
        """Take an entity; it may mention several concepts, as ``D001943|D010051``."""
        for concept in {identifier, *_SEPARATORS.split(identifier)}:
            if concept.strip() not in _NO_CONCEPT:
                self._by_concept[concept.strip()].append((entity.start_char, position))

    def __contains__(self, concept: str) -> bool:
        return concept in self._by_concept

    def closest(self, head: str, tail: str) -> tuple[int, int] | None:
        """The positions of the closest mentions of two concepts; None if one is not mentioned.

        They are two different ones wherever that is possible.
        """
        heads, tails = (sorted(self._by_concept.get(name, ())) for name in (head, tail))
        pairs = (pair for first in heads for pair in _pairs(first, tails))
        best = min(pairs, default=None)
        if best is not None:
            return best[-2:]
        return (heads[0][1], tails[0][1]) if heads and tails else None


def _pairs(
    head: tuple[int, int], tails: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int, int, int]]:
    """The neighbours of a mention among those of another concept, itself left out."""
    start, position = head
    after = bisect_left(tails, (start, -1))
    candidates = [item for item in tails[after : after + 2] if item[1] != position][:1]
    if after:
        before = bisect_left(
            tails, (tails[after - 1][0], -1)
        )  # the first of those that begin there
        candidates.append(tails[before])
    for other_start, other in candidates:
        yield abs(start - other_start), start, other_start, position, other


def between_mentions(
    relations: Iterable[ConceptRelation], mentions: Mentions, source: Source, document_id: str
) -> list[IndexedRelation]:
    """Relations between concepts as relations between mentions.

    What has a concept without a mention is read and dropped.
    """
    found = []
    for relation in relations:
        pair = mentions.closest(relation.head, relation.tail)
        if pair is None:
            source.tally.read(RELATION)
            source.tally.drop(Drop(document_id, RELATION, NO_MENTION, type=relation.type))
            continue
        source.tally.note("relation: between concepts, so it links their closest two mentions")
        found.append(IndexedRelation(*pair, relation.type))
    return found


def annotated_as_found(texts: Sequence[MarkedText], source: Source) -> list[MarkedText]:
    """The texts of a corpus whose format cannot say for what it is annotated.

    Without one relation in all of it, taking every pair of entities for unrelated would teach a
    model something untrue; without one entity nobody may have looked.
    """
    if any(marked.relations for marked in texts):
        annotated = frozenset(TASKS)
    elif any(marked.entities for marked in texts):
        annotated = frozenset([ENTITY_TASK])
        source.tally.note("corpus: without relations, so read as annotated for entities only")
    else:
        annotated = frozenset()
        source.tally.note("corpus: without annotations, so read as not annotated")
    return [replace(marked, annotated=annotated) for marked in texts]
