"""Training entities that the configured entity head cannot express: counted, and said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

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


def warnings_of_unlearned(
    config: EntityHeadConfig,
    expressible: Callable[[Iterable[Entity]], list[Entity]],
    pool: Pool,
) -> list[str]:
    """Return warnings on entities of a pool that the head cannot learn, and their relations."""
    sentences, kind = pool.sentences, pool.name
    lost = [frozenset(s.entities).difference(expressible(s.entities)) for s in sentences]
    if isinstance(config, CrfEntityHeadConfig):
        return [
            f"{entities} {kind} entities overlap others that are as long or longer, and a token "
            f"has one tag only: they are not learned, nor are the {relations} relations that they "
            f'are in; entity_head.kind = "span" would learn them'
            for entities, relations in _counted(sentences, lost)
        ]
    return [*_of_spans(config, sentences, lost, kind)]


def _of_spans(
    config: SpanEntityHeadConfig,
    sentences: Sequence[Sentence],
    lost: Sequence[frozenset[Entity]],
    kind: str,
) -> Iterator[str]:
    long = [frozenset(e for e in row if _width(e) > config.max_width) for row in lost]
    for entities, relations in _counted(sentences, long):
        longest = max(_width(entity) for row in long for entity in row)
        yield (
            f"{entities} {kind} entities have more than {config.max_width} tokens "
            f"(entity_head.max_width): they are not learned, nor are the {relations} relations "
            f"that they are in; the longest has {longest}"
        )
    conflicting = [row - too_long for row, too_long in zip(lost, long, strict=True)]
    apart = [frozenset(entity for entity in row if entity.fragments) for row in conflicting]
    for entities, relations in _counted(sentences, apart):
        yield (
            f"{entities} {kind} entities of several fragments have one that is an entity itself "
            f"or crosses others, or share fragments so that they could not be told apart: they are "
            f"not learned, nor are the {relations} relations that they are in"
        )
    conflicting = [row - own for row, own in zip(conflicting, apart, strict=True)]
    for entities, relations in _counted(sentences, conflicting):
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


def _counted(
    sentences: Sequence[Sentence], lost: Sequence[frozenset[Entity]]
) -> Iterator[tuple[int, int]]:
    """How many entities are lost, and how many relations with them; nothing if none is."""
    if any(lost):
        yield (
            sum(map(len, lost)),
            sum(
                not row.isdisjoint((link.head, link.tail))
                for sentence, row in zip(sentences, lost, strict=True)
                for link in sentence.relations
            ),
        )
