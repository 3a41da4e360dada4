"""What counts as one thing to get right: sets of facts, one set for each sentence and setting.

A fact is a class and a key.  Two annotations that agree in what the setting asks for are the same
fact, so nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from dovetail.document import Entity, Sentence

Key: TypeAlias = tuple[int | str, ...]
Fact: TypeAlias = tuple[str, Key]
FactsOf: TypeAlias = Callable[[Sentence], frozenset[Fact]]


def entities_strict(sentence: Sentence) -> frozenset[Fact]:
    """Type and borders of each entity."""
    return frozenset((entity.type, entity.span) for entity in sentence.entities)


def entity_boundaries(sentence: Sentence) -> frozenset[Fact]:
    """Borders of each entity, all in one class without a name."""
    return frozenset(("", entity.span) for entity in sentence.entities)


def relations_strict(symmetric: frozenset[str]) -> FactsOf:
    """Relation type, and borders and types of both arguments, in order unless symmetric."""
    return _relations(lambda entity: (entity.start, entity.end, entity.type), symmetric)


def relation_boundaries(symmetric: frozenset[str]) -> FactsOf:
    """Relation type and borders of both arguments, in order unless symmetric."""
    return _relations(lambda entity: entity.span, symmetric)


def _relations(argument: Callable[[Entity], Key], symmetric: frozenset[str]) -> FactsOf:
    def facts(sentence: Sentence) -> frozenset[Fact]:
        found = set()
        for relation in sentence.relations:
            head, tail = argument(relation.head), argument(relation.tail)
            if relation.type in symmetric and tail < head:  # both directions get one key
                head, tail = tail, head
            found.add((relation.type, (*head, *tail)))
        return frozenset(found)

    return facts
