"""DocRED: a JSON array of documents, whose relations hold between entities that have many mentions.

``vertexSet`` lists the mentions of each entity by sentence and half-open token position, ``labels``
the relations between entities (Yao et al. 2019, arXiv 1906.06127).  Dovetail relates mentions, so
such a relation is read as one of the two mentions that `_closest` chooses.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import ENTITY, RELATION, Tally
from dovetail.corpora.marking.assembly import RepeatedNames
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.corpora.marking.token_text import TokenText
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record, check_tokens, check_type
from dovetail.corpora.writing.writable import note_losses, writable_documents
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Sentence

_FIELDS = {"title", "vertexSet", "labels", "sents"}
_MENTION_FIELDS = {"name", "sent_id", "pos", "type"}


@dataclass(frozen=True, slots=True)
class _Mention:
    """A mention: its place in the list of entities, its sentence, its tokens in the document."""

    index: int
    sentence: int
    start: int
    end: int


@dataclass(slots=True)
class _Reader:
    source: Source
    names: RepeatedNames = field(default_factory=RepeatedNames)

    def read(self, record: Record) -> MarkedText:
        id = record.identifier("title")
        self.names.add(id, self.source.tally)
        self.note_fields(record, _FIELDS)
        sentences = record.items("sents")
        if not sentences:
            record.fail("a document without sentences; remove the item")
        tokens = [
            check_tokens(words, f"{record.where}: sents[{position}]")
            for position, words in enumerate(sentences)
        ]
        text = TokenText(tokens)
        entities: list[CharacterEntity] = []
        clusters = self.clusters(record, text, entities)
        relations = [] if "labels" not in record else self.relations(record, clusters)
        tasks = [ENTITY_TASK, *([RELATION_TASK] if "labels" in record else [])]
        annotated = frozenset(tasks)
        own = text.sentences(id, annotated)
        return MarkedText(
            id, text.text, entities, relations, record.where, annotated, own, "codepoints"
        )

    def clusters(
        self, record: Record, text: TokenText, entities: list[CharacterEntity]
    ) -> list[list[_Mention]]:
        """The mentions of each entity; all of them are added to `entities` as well."""
        clusters: list[list[_Mention]] = []
        for number, items in enumerate(record.items("vertexSet")):
            where = f"{record.where}: vertexSet[{number}]"
            clusters.append([])
            if not isinstance(items, list):
                record.fail(f"'vertexSet': expected a list of mentions for entity {number}")
            self.source.tally.note(
                "entity: that it has several mentions is not held", len(items) > 1
            )
            for position, item in enumerate(items):
                with self.source.faults.guard(ENTITY, record.where):
                    mention = Record.of(item, f"{where}[{position}]")
                    self.note_fields(mention, _MENTION_FIELDS)
                    found = _mention(mention, text, len(entities))
                    entities.append(_entity(mention, text, found))
                    clusters[-1].append(found)
        return clusters

    def relations(
        self, record: Record, clusters: Sequence[Sequence[_Mention]]
    ) -> list[IndexedRelation]:
        relations = []
        for position, item in enumerate(record.items("labels")):
            with self.source.faults.guard(RELATION, record.where):
                label = Record.of(item, f"{record.where}: labels[{position}]")
                type_ = check_type(label.string("r"), f"{label.where}: 'r'")
                head, tail = (_cluster(label, name, clusters) for name in ("h", "t"))
                evidence = set(map(str, label.items("evidence"))) if "evidence" in label else set()
                pair = _closest(head, tail, evidence)
                first, second = (None, None) if pair is None else (pair[0].index, pair[1].index)
                relations.append(IndexedRelation(first, second, type_))
                self.source.tally.note(
                    "relation: of several pairs of mentions it is read for the closest",
                    len(head) * len(tail) > 1,
                )
        return relations

    def note_fields(self, record: Record, known: set[str]) -> None:
        for name in sorted(record.values.keys() - known):
            self.source.tally.note(f"field {name!r} is not read")


def _mention(record: Record, text: TokenText, index: int) -> _Mention:
    sentence, borders = record.integer("sent_id"), record.items("pos")
    if not 0 <= sentence < len(text.firsts):
        record.fail(f"'sent_id' is {sentence}, but there are {len(text.firsts)} sentences, from 0")
    if len(borders) != 2 or not all(type(border) is int for border in borders):
        record.fail(f"'pos': expected [start, end], found {borders!r:.60}")
    start, end = borders
    text.in_sentence(sentence, start, end, record.where)
    first = text.firsts[sentence]
    return _Mention(index, sentence, first + start, first + end)


def _entity(record: Record, text: TokenText, mention: _Mention) -> CharacterEntity:
    start, end = text.characters(mention.start, mention.end)
    return CharacterEntity(start, end, record.type_name(), record.where)


def _cluster(
    label: Record, name: str, clusters: Sequence[Sequence[_Mention]]
) -> Sequence[_Mention]:
    index = label.integer(name)
    if not 0 <= index < len(clusters):
        label.fail(f"{name!r} is {index}, but there are {len(clusters)} entities, from 0")
    return clusters[index]


def _closest(
    heads: Sequence[_Mention], tails: Sequence[_Mention], evidence: set[str]
) -> tuple[_Mention, _Mention] | None:
    """The two mentions that stand for a relation; None if an entity has no mention left.

    Two of one sentence come first, of these two in a sentence that the file names as evidence, then
    the two with the fewest tokens between them, then the first in the text.
    """
    pairs = [(head, tail) for head in heads for tail in tails if head != tail]

    def rank(pair: tuple[_Mention, _Mention]) -> tuple[bool, bool, int, int]:
        head, tail = pair
        distance = max(tail.start - head.end, head.start - tail.end, 0)
        together = head.sentence == tail.sentence
        proven = together and str(head.sentence) in evidence
        return not together, not proven, distance, min(head.start, tail.start)

    if heads and tails and not pairs:
        return heads[0], tails[0]  # an entity of one mention, linked to itself
    return min(pairs, key=rank, default=None)


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally, keeps_ids=True, keeps_documents=True, keeps_annotated=True)
    items = []
    for document, held in writable_documents(documents, tally):
        items.append(json.dumps(_item(document, held, tally), ensure_ascii=False))
    write_text(path, "[" + ",\n".join(items) + "]\n")


def _item(document: Document, sentences: Sequence[Sentence], tally: Tally) -> dict[str, Any]:
    vertices: list[list[dict[str, Any]]] = []
    labels: list[dict[str, Any]] = []
    for number, sentence in enumerate(sentences):
        places = {}
        for entity in sentence.sorted_entities:
            places[entity] = len(vertices)
            name = document.surface(sentence, entity)
            mention = {"name": name, "sent_id": number, "pos": [*entity.span], "type": entity.type}
            vertices.append([mention])
        for relation in sentence.sorted_relations:
            head, tail = places[relation.head], places[relation.tail]
            labels.append({"h": head, "t": tail, "r": relation.type, "evidence": [number]})
        tally.keep(ENTITY, len(sentence.entities))
        tally.keep(RELATION, len(sentence.relations))
        tally.note(
            "sentence: that it is not annotated for entities is not held",
            ENTITY_TASK not in sentence.annotated,
        )
    item: dict[str, Any] = {
        "title": document.id,
        "sents": [list(sentence.tokens) for sentence in sentences],
        "vertexSet": vertices,
    }
    without = sum(RELATION_TASK not in sentence.annotated for sentence in sentences)
    if labels or without < len(sentences):
        item["labels"] = labels
        tally.note("sentence: that it is not annotated for relation is not held", without)
    return item


def _recognises(sample: Sample) -> bool:
    return sample.is_array and {"vertexSet", "sents"} <= sample.keys


DOCRED = Format(
    "docred",
    "DocRED: a JSON array of documents with relations between entities of several mentions",
    lambda source: read_each(source, _Reader(source).read),
    _write,
    _recognises,
    needs='a JSON array of objects with "vertexSet" and "sents"',
)
