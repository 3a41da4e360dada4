"""What the writers of raw text share: annotations of a document by character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import drop_relation
from dovetail.corpora.writing.writable import is_writable
from dovetail.text.document import (
    ENTITY_TASK,
    RELATION_TASK,
    TASKS,
    Document,
    Entity,
    Relation,
    Sentence,
    character_span,
)

CUT_ANEW = "document: it is cut into sentences and tokens anew when it is read"
WHITE_SPACE_ONLY = "covers white space only, which a reader leaves out"
NO_ARGUMENT = "an argument was dropped"


@dataclass(frozen=True, slots=True)
class RawEntity:
    """An entity at half-open character positions, with the text that it covers."""

    start: int
    end: int
    type: str
    confidence: float | None
    surface: str


@dataclass(frozen=True, slots=True)
class RawRelation:
    """A relation between two entities by their positions in the list of the document's."""

    head: int
    tail: int
    type: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A text and what can be written of its annotations; `annotated` as `Sentence.annotated`."""

    id: str
    text: str
    entities: Sequence[RawEntity]
    relations: Sequence[RawRelation]
    annotated: frozenset[str]

    @property
    def is_scored(self) -> bool:
        """Whether an annotation has a confidence: a model said it."""
        return any(confidence is not None for confidence in self.confidences)

    @property
    def confidences(self) -> list[float | None]:
        """The confidences of all annotations; None where there is none."""
        return [
            *(entity.confidence for entity in self.entities),
            *(relation.confidence for relation in self.relations),
        ]


def raw_document(document: Document, tally: Tally) -> RawDocument:
    """Take the annotations of a document out of its sentences, and count them as kept.

    What a reader of raw text would leave out is dropped here already.
    """
    tally.keep(DOCUMENT)
    tally.note(CUT_ANEW)
    entities: list[RawEntity] = []
    relations: list[RawRelation] = []
    annotated = _annotated(document)
    for sentence in document.sentences:
        if is_writable(document, sentence, tally):
            tally.keep(SENTENCE)
            _add_annotations(document, sentence, entities, relations, tally)
            tally.note(
                "sentence: for which tasks it is annotated is not held",
                sentence.annotated != annotated,
            )
    return RawDocument(document.id, document.text, entities, relations, annotated)


def _annotated(document: Document) -> frozenset[str]:
    """The tasks that a whole document is annotated for: all its sentences are."""
    return frozenset(TASKS).intersection(*(item.annotated for item in document.sentences))


def _add_annotations(
    document: Document,
    sentence: Sentence,
    entities: list[RawEntity],
    relations: list[RawRelation],
    tally: Tally,
) -> None:
    positions: dict[Entity, int] = {}
    for entity in sentence.sorted_entities:
        surface = document.surface(sentence, entity)
        if not surface.strip():
            tally.drop(Drop(document.id, ENTITY, WHITE_SPACE_ONLY, *entity.span, type=entity.type))
            continue
        tally.keep(ENTITY)
        positions[entity] = len(entities)
        start, end = character_span(sentence, entity)
        entities.append(RawEntity(start, end, entity.type, entity.confidence, surface))
    for relation in sentence.sorted_relations:
        if relation.head not in positions or relation.tail not in positions:
            drop_relation(tally, document.id, relation, NO_ARGUMENT)
            continue
        tally.keep(RELATION)
        relations.append(_raw_relation(relation, positions))


def _raw_relation(relation: Relation, positions: dict[Entity, int]) -> RawRelation:
    head, tail = positions[relation.head], positions[relation.tail]
    return RawRelation(head, tail, relation.type, relation.confidence)


def note_scores(documents: Sequence[RawDocument], tally: Tally) -> None:
    """Note the confidences that a format without them leaves out."""
    lost = sum(
        confidence is not None for document in documents for confidence in document.confidences
    )
    tally.note("confidence of an entity or relation is not held", lost)


def tasks_to_write(document: RawDocument) -> frozenset[str]:
    """The tasks that a document is annotated for, or has annotations of."""
    present = {ENTITY_TASK} if document.entities else set()
    present |= {RELATION_TASK} if document.relations else set()
    return document.annotated | present
