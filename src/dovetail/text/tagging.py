"""Entities as tags of tokens and back: BIO and BILOU, as tables instead of branches.

A scheme is flat: no token belongs to two entities.  `reachable` says which of a sentence's entities
a tagger can express; what it leaves out is counted as missed by the evaluation, never hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import or_

from dovetail.text.document import Entity
from dovetail.text.overlaps import longest_first, without_conflicts

OUTSIDE = "O"


@dataclass(frozen=True)
class Scheme:
    """The prefixes of a tagging scheme and how they may follow one another within an entity.

    `continued` are the prefixes after which the entity goes on, `continuing` those that go on with
    it; an entity of one token has the prefix `single`, a longer one `first`, `inside`…, `last`.
    """

    name: str
    single: str
    first: str
    inside: str
    last: str
    may_end: frozenset[str]
    """Prefixes after which an entity may end."""
    may_continue: frozenset[str]
    """Prefixes after which an entity may go on."""
    continuing: frozenset[str]
    """Prefixes of tokens that go on with an entity."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The distinct prefixes, in a fixed order."""
        return tuple(dict.fromkeys((self.first, self.inside, self.last, self.single)))


SCHEMES: dict[str, Scheme] = {
    "bio": Scheme(
        "bio", "B", "B", "I", "I", frozenset("BI"), frozenset("BI"), continuing=frozenset("I")
    ),
    "bilou": Scheme(
        "bilou", "U", "B", "I", "L", frozenset("LU"), frozenset("BI"), continuing=frozenset("IL")
    ),
}


class TagSet:
    """The tags of a scheme over entity types, with index 0 for `O`.

    >>> tags = TagSet("bio", ("Loc", "Peop"))
    >>> tags.tags
    ('O', 'B-Loc', 'I-Loc', 'B-Peop', 'I-Peop')
    >>> tags.tags_from_entities([Entity(1, 3, "Peop")], length=4)
    [0, 3, 4, 0]
    >>> tags.entities_from_tags([0, 3, 4, 0])
    [Entity(start=1, end=3, type='Peop', confidence=None)]

    Raises:
        ValueError: if the scheme is not one of `SCHEMES`.
    """

    def __init__(self, scheme: str, entity_types: Sequence[str]) -> None:
        if scheme not in SCHEMES:
            raise ValueError(f"unknown tagging scheme {scheme!r}; known: {', '.join(SCHEMES)}")
        self.scheme = SCHEMES[scheme]
        self.entity_types = tuple(entity_types)
        parts = [(prefix, type_) for type_ in entity_types for prefix in self.scheme.prefixes]
        self._parts: list[tuple[str, str]] = [("", ""), *parts]
        self.tags = (OUTSIDE, *(f"{prefix}-{type_}" for prefix, type_ in parts))
        self._index_by_part = {part: index for index, part in enumerate(self._parts)}

    def __len__(self) -> int:
        return len(self.tags)

    def tags_from_entities(self, entities: Iterable[Entity], *, length: int) -> list[int]:
        """Tag indices of a sentence of `length` tokens.

        Raises:
            ValueError: if two entities overlap; `reachable` picks a set that does not.
        """
        tags = [0] * length
        for entity in entities:
            if any(tags[entity.start : entity.end]):
                raise ValueError(f"{entity} overlaps another entity; a tag holds one entity only")
            for position in range(entity.start, entity.end):
                tags[position] = self._index_by_part[self._prefix(entity, position), entity.type]
        return tags

    def _prefix(self, entity: Entity, position: int) -> str:
        if entity.end - entity.start == 1:
            return self.scheme.single
        if position == entity.start:
            return self.scheme.first
        return self.scheme.last if position == entity.end - 1 else self.scheme.inside

    def last_tag(self, entity_type: str, *, single: bool) -> int:
        """Index of the tag on the last token of an entity, which is its only one if `single`."""
        length = 1 if single else 2
        return self.tags_from_entities([Entity(0, length, entity_type)], length=length)[-1]

    def entities_from_tags(self, tags: Sequence[int]) -> list[Entity]:
        """Read the entities off tag indices, in reading order.

        A tag that continues nothing starts an entity, as in conlleval, so any sequence can be read;
        the transition tables keep a trained tagger from producing such sequences.
        """
        entities = []
        start, previous = 0, 0
        for position, tag in enumerate([*tags, 0]):  # the final O closes an open entity
            if tag == 0 and previous == 0:
                continue
            if not self.continues[previous][tag]:
                if previous:
                    entities.append(Entity(start, position, self._parts[previous][1]))
                start = position
            previous = tag
        return entities

    @cached_property
    def continues(self) -> list[list[bool]]:
        """Cell (i, j): whether tag j goes on with the entity of tag i."""
        # Only tags of the same type do, and these stand beside one another.
        table = [[False] * len(self) for _ in range(len(self))]
        count = len(self.scheme.prefixes)
        for index, (prefix, _) in enumerate(self._parts):
            if prefix not in self.scheme.may_continue:
                continue
            first = 1 + (index - 1) // count * count
            for place, next_prefix in enumerate(self.scheme.prefixes, start=first):
                table[index][place] = next_prefix in self.scheme.continuing
        return table

    @cached_property
    def may_start(self) -> list[bool]:
        """Whether a sentence may start with the tag, which is whether it continues nothing."""
        return [prefix not in self.scheme.continuing for prefix, _ in self._parts]

    @cached_property
    def may_end(self) -> list[bool]:
        """Whether a sentence, or the entity, may end after the tag."""
        return [not prefix or prefix in self.scheme.may_end for prefix, _ in self._parts]

    @cached_property
    def may_follow(self) -> list[list[bool]]:
        """Cell (i, j): whether tag j may follow tag i."""
        return [
            list(map(or_, continued, self.may_start)) if may_end else continued
            for continued, may_end in zip(self.continues, self.may_end, strict=True)
        ]


def reachable(entities: Iterable[Entity]) -> list[Entity]:
    """The entities that a flat tagger can express, longest first where they overlap.

    >>> reachable([Entity(0, 3, "Adverse-Effect"), Entity(1, 2, "Drug")])
    [Entity(start=0, end=3, type='Adverse-Effect', confidence=None)]
    """
    return without_conflicts(longest_first(entities), "none")
