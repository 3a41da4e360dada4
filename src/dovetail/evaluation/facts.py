"""What counts as one thing to get right: sets of facts, one set for each sentence and setting.

A fact is a class and a key.  Two annotations that agree in what the setting asks for are the same
fact, so nothing is counted twice.  What the tokens cannot express (`Sentence.unaligned`) is a fact
too, held by its characters: as gold it can only be missed, as a prediction it is right if gold has
the same characters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence, Unaligned

Key: TypeAlias = tuple[int | str, ...]
Fact: TypeAlias = tuple[str, Key]
FactsOf: TypeAlias = Callable[[Sentence], frozenset[Fact]]


def entities_strict(sentence: Sentence) -> frozenset[Fact]:
    """Type and borders of each entity."""
    return frozenset(
        [
            *((entity.type, _borders(entity)) for entity in sentence.entities),
            *((item.type, _key(item, ())) for item in sentence.unaligned_for(ENTITY_TASK)),
        ]
    )


def entity_boundaries(sentence: Sentence) -> frozenset[Fact]:
    """Borders of each entity, all in one class without a name."""
    return frozenset(
        [
            *(("", _borders(entity)) for entity in sentence.entities),
            *(("", _key(item, ())) for item in sentence.unaligned_for(ENTITY_TASK)),
        ]
    )


def relations_strict(symmetric: frozenset[str]) -> FactsOf:
    """Relation type, and borders and types of both arguments, in order unless symmetric."""
    return lambda sentence: frozenset(
        [
            *(relation_fact(relation, symmetric) for relation in sentence.relations),
            *(
                unaligned_fact(item, symmetric, item.types)
                for item in sentence.unaligned_for(RELATION_TASK)
            ),
        ]
    )


def relation_boundaries(symmetric: frozenset[str]) -> FactsOf:
    """Relation type and borders of both arguments, in order unless symmetric."""
    return lambda sentence: frozenset(
        [
            *(relation_fact(relation, symmetric, _borders) for relation in sentence.relations),
            *(
                unaligned_fact(item, symmetric, ())
                for item in sentence.unaligned_for(RELATION_TASK)
            ),
        ]
    )


def _borders_and_type(entity: Entity) -> Key:
    return (*_borders(entity), entity.type)


def _borders(entity: Entity) -> Key:
    """Start and end; of fragments all of them, behind their number, which tells where they end."""
    if not entity.fragments:
        return entity.span
    return (-len(entity.fragments), *(border for pair in entity.fragments for border in pair))


def relation_fact(
    relation: Relation,
    symmetric: frozenset[str],
    argument: Callable[[Entity], Key] = _borders_and_type,
) -> Fact:
    """What a relation says; both directions of a symmetric one say the same."""
    head, tail = argument(relation.head), argument(relation.tail)
    if relation.type in symmetric and relation.tail < relation.head:
        head, tail = tail, head
    return relation.type, (*head, *tail)


def unaligned_fact(item: Unaligned, symmetric: frozenset[str], types: tuple[str, ...]) -> Fact:
    """What a relation says that the tokens cannot express; `types` are those that count."""
    if item.type in symmetric and item.spans[1] < item.spans[0]:
        item = replace(item, spans=item.spans[::-1], arguments=item.arguments[::-1])
        types = types[::-1]
    return item.type, _key(item, types)


def _key(item: Unaligned, types: tuple[str, ...]) -> Key:
    """Character positions, told apart from token positions by the word in front."""
    fragments = (
        border
        for own in item.arguments
        for border in (-len(own), *(border for piece in own for border in piece))
    )
    borders = (border for span in item.spans for border in span)
    return ("characters", *borders, *types, *fragments)
