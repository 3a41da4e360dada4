"""Which entities of a sentence may stand together, where some of them share a token.

An annotation is flat if no two entities do, nested if one of two that do lies within the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dovetail.text.document import Entity

Overlaps = Literal["nested", "all", "none"]
"""Which entities may share tokens: one that lies within another, any two, none."""


def is_nested(first: Entity, second: Entity) -> bool:
    """Whether one of the two lies within the other, or both have the same borders."""
    return _lies_within(first, second) or _lies_within(second, first)


def without_conflicts(ranked: Iterable[Entity], overlaps: Overlaps) -> list[Entity]:
    """Take entities one by one that may stand beside all taken before; the result in reading order.

    >>> ranked = [Entity(0, 3, "Effect"), Entity(1, 2, "Drug"), Entity(2, 5, "Drug")]
    >>> [entity.span for entity in without_conflicts(ranked, "nested")]
    [(0, 3), (1, 2)]

    Two entities with the same borders never stand together: a span has one type.
    """
    kept: list[Entity] = []
    for entity in ranked:
        if not any(_conflict(entity, other, overlaps) for other in kept):
            kept.append(entity)
    return sorted(kept)


def longest_first(entities: Iterable[Entity]) -> list[Entity]:
    """An order to take entities in; of those that are as long, the first in the text is first."""
    return sorted(entities, key=lambda entity: (entity.start - entity.end, entity))


def _lies_within(inner: Entity, outer: Entity) -> bool:
    """Whether each fragment of an entity lies within one of the other's."""
    return all(
        any(start <= own_start and own_end <= end for start, end in outer.pieces)
        for own_start, own_end in inner.pieces
    )


def _conflict(first: Entity, second: Entity, overlaps: Overlaps) -> bool:
    if first.pieces == second.pieces:
        return True
    if overlaps == "all" or not first.overlaps(second):
        return False
    return overlaps == "none" or not is_nested(first, second)
