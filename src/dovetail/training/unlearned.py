"""Training entities that the configured entity head cannot express: counted, and said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dovetail.config import CrfEntityHeadConfig, EntityHeadConfig, SpanEntityHeadConfig
from dovetail.text.document import Entity, Sentence
from dovetail.text.fragments import Fragments
from dovetail.training.pools import Pool

_CONFLICTS = {
    "nested": 'cross longer ones, which entity_head.overlaps = "all" would learn, or have the '
    "borders of another, and a span has one type",
    "all": "have the borders of another, and a span has one type",
    "none": 'overlap longer ones, which entity_head.overlaps = "nested" or "all" would learn',
}


@dataclass(frozen=True, slots=True)
class Lost:
    """A sentence, and those of its entities that are not learned."""

    sentence: Sentence
    entities: frozenset[Entity]

    def those(self, are_meant: Callable[[Entity], bool]) -> Lost:
        """Some of the entities."""
        return Lost(self.sentence, frozenset(filter(are_meant, self.entities)))

    @property
    def relations(self) -> int:
        """How many relations are not learned since they have one of the entities."""
        return sum(
            not self.entities.isdisjoint((link.head, link.tail)) for link in self.sentence.relations
        )


def warnings_of_unlearned(
    config: EntityHeadConfig,
    expressible: Callable[[Iterable[Entity]], list[Entity]],
    pool: Pool,
) -> list[str]:
    """Return warnings on entities of a pool that the head cannot learn, and their relations."""
    kind = pool.name
    lost = [
        Lost(sentence, entities)
        for sentence in pool.sentences
        if (entities := sentence.entities.difference(expressible(sentence.entities)))
    ]
    if isinstance(config, CrfEntityHeadConfig):
        return [
            f"{entities} {kind} entities overlap others that are as long or longer, and a token "
            f"has one tag only: they are not learned, nor are the {relations} relations that they "
            f'are in; entity_head.kind = "span" would learn them'
            for entities, relations in _counted(lost)
        ]
    return [*_of_spans(config, lost, kind)]


def _of_spans(config: SpanEntityHeadConfig, lost: Sequence[Lost], kind: str) -> Iterator[str]:
    long = [own.those(lambda entity: _width(entity) > config.max_width) for own in lost]
    for entities, relations in _counted(long):
        longest = max(_width(entity) for own in long for entity in own.entities)
        yield (
            f"{entities} {kind} entities have more than {config.max_width} tokens "
            f"(entity_head.max_width): they are not learned, nor are the {relations} relations "
            f"that they are in; the longest has {longest}"
        )
    conflicting = [own.those(lambda entity: _width(entity) <= config.max_width) for own in lost]
    apart = [own.those(lambda entity: bool(entity.fragments)) for own in conflicting]
    for entities, relations in _counted(apart):
        yield (
            f"{entities} {kind} entities of several fragments have one that is an entity itself "
            f"or crosses others, or share fragments so that they could not be told apart: they are "
            f"not learned, nor are the {relations} relations that they are in"
        )
    whole = [own.those(lambda entity: not entity.fragments) for own in conflicting]
    for entities, relations in _counted(whole):
        yield (
            f"{entities} {kind} entities {_CONFLICTS[config.overlaps]}: they are not learned, nor "
            f"are the {relations} relations that they are in"
        )


def _width(entity: Entity) -> int:
    """The tokens of its longest fragment."""
    return max(end - start for start, end in entity.pieces)


def warnings_of_unplaced(
    fragments: Fragments, sentences: Sequence[Sentence], kind: str = "training"
) -> list[str]:
    """Relations of entities all of whose fragments are those of others too."""
    number = 0
    for sentence in sentences:
        if any(entity.fragments for entity in sentence.entities):
            said = fragments.joined(fragments.apart(sentence))
            number += sum(
                {link.head, link.tail} <= said.entities
                for link in sentence.relations - said.relations
            )
    if not number:
        return []
    return [
        f"{number} {kind} relations are of entities all of whose fragments are part of others too, "
        f"so that nobody could tell whose they are: they are not learned"
    ]


def _counted(lost: Sequence[Lost]) -> Iterator[tuple[int, int]]:
    """How many entities are lost, and how many relations with them; nothing if none is."""
    entities = sum(len(own.entities) for own in lost)
    if entities:
        yield entities, sum(own.relations for own in lost)
