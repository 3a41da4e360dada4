"""What the formats of relation classification share: a sentence is marked for one pair.

Such a sentence names two entities and says how they are related.  Other entities of it are not
marked, so it is annotated for relations, and not for entities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import Place, SentenceBuilder, drop_relation, drop_sentence
from dovetail.corpora.writing.writable import is_writable, note_losses, writable_sentences
from dovetail.text.document import RELATION_TASK, Document, Entity, Relation, Sentence

NO_RELATION = frozenset(["no_relation", "NA", "Other"])
"""What TACRED, OpenNRE and SemEval call it if two entities are not related."""

UNTYPED = "Entity"
"""The type of entities that have none in the file."""

NO_PAIR = "it has no relation, and is not known to have two unrelated entities alone"
NOT_IN_PAIR = "it is in no pair, and the format marks pairs"
MEANS_NONE = "its type says in this format that there is no relation"

Refusal = Callable[["Pair"], str]
"""Why a format cannot hold a pair; empty if it can."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An entity of a pair, at half-open token positions."""

    start: int
    end: int
    type: str = UNTYPED


@dataclass(frozen=True, slots=True)
class PairSentence:
    """Tokens that are marked for one pair; `relation` is None where the file does not say."""

    id: str
    where: str
    tokens: Sequence[str]
    head: Argument
    tail: Argument
    relation: str | None

    def document(self, source: Source) -> Document:
        """The sentence as a document, counted as read.

        Raises:
            CorpusFormatError: if an argument lies outside the sentence, or a type is none.
        """
        source.tally.read(DOCUMENT)
        source.tally.read(SENTENCE)
        place = Place(source.tally, self.id or self.where.rsplit("/", 1)[-1], self.where)
        builder = SentenceBuilder(place, self.tokens)
        head, tail = (
            builder.add_entity(argument.start, argument.end, argument.type)
            for argument in (self.head, self.tail)
        )
        if is_relation(self.relation):
            builder.add_relation(head, tail, self.relation)
        annotated = tasks_of(self.relation)
        return Document.from_sentence(builder.sentence(id=self.id, annotated=annotated))


def is_relation(relation: str | None) -> TypeGuard[str]:
    """Whether a file says that two entities are related."""
    return relation is not None and relation not in NO_RELATION


def tasks_of(relation: str | None) -> frozenset[str]:
    """What a sentence is annotated for if the file says this of its pair."""
    return frozenset() if relation is None else frozenset([RELATION_TASK])


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair that is to be written; an empty `relation` says that there is none."""

    document: Document
    sentence: Sentence
    head: Entity
    tail: Entity
    relation: str
    id: str = ""


def pairs_to_write(
    documents: Sequence[Document], tally: Tally, refusal: Refusal, *, keeps_ids: bool
) -> Iterator[Pair]:
    """Yield an example for each relation, and for two entities that are alone and unrelated.

    Everything is counted as kept or dropped; what `refusal` gives a reason against is dropped.
    """
    note_losses(documents, tally, keeps_ids=keeps_ids, keeps_annotated=True)

    def has_pair(document: Document, sentence: Sentence, tally: Tally) -> bool:
        if not is_writable(document, sentence, tally):
            return False
        pairs = _pairs(document, sentence)
        reasons = [refusal(pair) for pair in pairs] or [NO_PAIR]
        if all(reasons):
            drop_sentence(tally, document.id, sentence, reasons[0])
        return not all(reasons)

    for document, sentence in writable_sentences(documents, tally, is_writable=has_pair):
        yield from _written(document, sentence, tally, refusal)


def _pairs(document: Document, sentence: Sentence) -> list[Pair]:
    pairs = [
        Pair(document, sentence, relation.head, relation.tail, relation.type)
        for relation in sentence.sorted_relations
    ]
    entities = sentence.sorted_entities
    if not pairs and len(entities) == 2 and RELATION_TASK in sentence.annotated:
        head, tail = entities
        pairs.append(Pair(document, sentence, head, tail, ""))
    return pairs


def _written(
    document: Document, sentence: Sentence, tally: Tally, refusal: Refusal
) -> Iterator[Pair]:
    pairs = _pairs(document, sentence)
    held = [pair for pair in pairs if not refusal(pair)]
    marked = {argument for pair in held for argument in (pair.head, pair.tail)}
    for pair in pairs:
        if not pair.relation:
            continue
        if reason := refusal(pair):
            relation = Relation(pair.head, pair.tail, pair.relation)
            drop_relation(tally, document.id, relation, reason)
        else:
            tally.keep(RELATION)
    tally.keep(ENTITY, len(marked))
    for entity in sentence.sorted_entities:
        if entity not in marked:
            tally.drop(Drop(document.id, ENTITY, NOT_IN_PAIR, *entity.span, type=entity.type))
    tally.note("sentence: it is written once more for each further pair", len(held) - 1)
    tally.note(
        "sentence: it reads back as annotated for the relation of its pair alone",
        sentence.annotated != {RELATION_TASK} or len(sentence.entities) > 2,
    )
    for number, pair in enumerate(held):
        name = f"{sentence.id}:{number}" if sentence.id and len(held) > 1 else sentence.id
        yield replace(pair, id=name)
