"""What several annotators said of one text, and what of it is read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import ENTITY, RELATION, Drop, Tally
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.text.document import ENTITY_TASK

FURTHER_ANNOTATOR = "further annotator"
"""The kind under which the ledger counts annotators whose work was left out."""

NOT_AGREED = "not all annotators marked it"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one annotator marked in a text."""

    entities: Sequence[CharacterEntity] = ()
    relations: Sequence[IndexedRelation] = ()

    def entity_key(self, index: int | None) -> Hashable:
        """What makes an entity the same as another annotator's: its place and its type."""
        if index is None:
            return None
        entity = self.entities[index]
        return (*entity.pieces, entity.type)

    def relation_key(self, relation: IndexedRelation) -> Hashable:
        """What makes a relation the same as another annotator's: its arguments and its type."""
        return self.entity_key(relation.head), self.entity_key(relation.tail), relation.type


def decided(opinions: Sequence[Opinion], source: Source, name: str) -> Opinion:
    """What is read of opinions on one text, of which the preferred one is first.

    `Reading.annotators` decides; what is left out goes to the ledger under the document's `name`.
    """
    if len(opinions) < 2:
        return opinions[0] if opinions else Opinion()
    tally = source.tally
    if source.reading.annotators == "first":
        tally.read(FURTHER_ANNOTATOR, len(opinions) - 1)
        for _ in opinions[1:]:
            tally.drop(Drop(name, FURTHER_ANNOTATOR, "one annotator's work is read of each text"))
        return opinions[0]
    merged = _merged(opinions, tally)
    if source.reading.annotators == "merge":
        return merged
    return _agreed(merged, opinions, source.tally, name)


def _merged(opinions: Sequence[Opinion], tally: Tally) -> Opinion:
    """Whatever any annotator marked, each thing once."""
    entities: list[CharacterEntity] = []
    relations: list[IndexedRelation] = []
    positions: dict[Hashable, int] = {}
    linked: set[Hashable] = set()
    for opinion in opinions:
        own = {}
        for index, entity in enumerate(opinion.entities):
            key = opinion.entity_key(index)
            tally.note("entity: marked alike by several annotators", key in positions)
            if key not in positions:
                positions[key] = len(entities)
                entities.append(entity)
            own[index] = positions[key]
        for relation in opinion.relations:
            key = opinion.relation_key(relation)
            tally.note("relation: marked alike by several annotators", key in linked)
            if key not in linked:
                linked.add(key)
                head, tail = (_moved(index, own) for index in (relation.head, relation.tail))
                relations.append(replace(relation, head=head, tail=tail))
    return Opinion(entities, relations)


def _agreed(merged: Opinion, opinions: Sequence[Opinion], tally: Tally, name: str) -> Opinion:
    """What all annotators marked; the rest is dropped."""
    alike = _keys_of_all(opinions, lambda one: map(one.entity_key, range(len(one.entities))))
    linked = _keys_of_all(opinions, lambda one: map(one.relation_key, one.relations))
    entities: list[CharacterEntity] = []
    kept: dict[int, int] = {}
    for index, entity in enumerate(merged.entities):
        if merged.entity_key(index) in alike:
            kept[index] = len(entities)
            entities.append(entity)
        else:
            tally.read(ENTITY)
            span = entity.start_char, entity.end_char
            tally.drop(Drop.in_text(name, ENTITY, NOT_AGREED, span, entity.type))
    relations = []
    for relation in merged.relations:
        if merged.relation_key(relation) in linked:
            head, tail = (_moved(index, kept) for index in (relation.head, relation.tail))
            relations.append(replace(relation, head=head, tail=tail))
        else:
            tally.read(RELATION)
            tally.drop(Drop(name, RELATION, NOT_AGREED, type=relation.type))
    return Opinion(entities, relations)


def _keys_of_all(
    opinions: Sequence[Opinion], keys: Callable[[Opinion], Iterable[Hashable]]
) -> set[Hashable]:
    return set.intersection(*(set(keys(opinion)) for opinion in opinions))


def _moved(index: int | None, positions: dict[int, int]) -> int | None:
    return None if index is None else positions.get(index)


def entities_only_without_relations(texts: Sequence[MarkedText], tally: Tally) -> list[MarkedText]:
    """Texts annotated for entities only, if there is not one relation in all of them.

    For formats that cannot say for what a corpus is annotated: taking every pair of entities for
    unrelated would teach a model something untrue.
    """
    if any(marked.relations for marked in texts):
        return list(texts)
    tally.note("corpus: without relations, so read as annotated for entities only")
    entities = frozenset([ENTITY_TASK])
    return [replace(marked, annotated=marked.annotated & entities) for marked in texts]
