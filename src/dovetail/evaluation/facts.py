"""What counts as one thing to get right: sets of facts, one set for each sentence and setting.

A fact is a class and a key.  Two annotations that agree in what the setting asks for are the same
fact, so nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from dovetail.document import Entity, Relation, Sentence

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
    return lambda sentence: frozenset(
        relation_fact(relation, symmetric) for relation in sentence.relations
    )


def relation_boundaries(symmetric: frozenset[str]) -> FactsOf:
    """Relation type and borders of both arguments, in order unless symmetric."""
    return lambda sentence: frozenset(
        relation_fact(relation, symmetric, _borders) for relation in sentence.relations
    )


def _borders_and_type(entity: Entity) -> Key:
    return entity.start, entity.end, entity.type


def _borders(entity: Entity) -> Key:
    return entity.span


def relation_fact(
    relation: Relation,
    symmetric: frozenset[str],
    argument: Callable[[Entity], Key] = _borders_and_type,
) -> Fact:
    """What a relation says; both directions of a symmetric one say the same."""
    head, tail = argument(relation.head), argument(relation.tail)
    if relation.type in symmetric and tail < head:
        head, tail = tail, head
    return relation.type, (*head, *tail)
