"""SpERT JSON and two close relatives: one JSON array, an item for each sentence.

* ``spert``: entities are objects with half-open token borders, and a relation refers to its
  arguments by their index among the entities (Eberts and Ulges 2020, arXiv 1909.07755).
* ``tagged``: the same with a list of BILOU or BIO tags in place of the entities; only read.
* ``unified``: entities are lists ``[start, end, type]``, and a relation names its arguments by
  their borders ``[start, end, start, end, type]`` (Wang and Lu 2020, arXiv 2010.03851).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Tally
from dovetail.corpora.marking.assembly import Place, RepeatedNames, SentenceBuilder
from dovetail.corpora.marking.flat_spans import check_span, relations_between_spans
from dovetail.corpora.marking.tag_columns import entities_from_tags
from dovetail.corpora.source.foreign_fields import refuse_foreign
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record
from dovetail.corpora.source.json_text import is_array
from dovetail.corpora.writing.writable import note_losses, writable_sentences
from dovetail.errors import CorpusFormatError
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Sentence

_FIELDS = {"tokens", "entities", "relations", "orig_id", "tags"}
_UNREAD = "field {!r} is not read"


@dataclass(frozen=True, slots=True)
class _Sentence:
    """An item of the array while it is read."""

    record: Record
    builder: SentenceBuilder
    source: Source

    def items(self, name: str) -> Iterator[tuple[object, str]]:
        """The values of an optional list, each with its place."""
        values = self.record.items(name) if name in self.record else []
        for position, value in enumerate(values):
            yield value, f"{self.record.where}: {name}[{position}]"

    def guard(self, kind: str) -> AbstractContextManager[None]:
        return self.source.faults.guard(kind, self.builder.place.document_id)

    def add_entity(self, read: Callable[[], tuple[int, int, str]]) -> None:
        """Add an entity; one that is broken keeps its place in the order."""
        with self.guard(ENTITY):
            self.builder.add_entity(*read())
            return
        self.builder.add_broken()


Annotate = Callable[[_Sentence], None]


def _read(source: Source, annotate: Annotate) -> list[Document]:
    text = source.text()
    if not is_array(text) or text.strip() == "[]":
        raise CorpusFormatError(f"{source.path}: expected a JSON array with sentences in it")
    names = RepeatedNames()

    def read(record: Record) -> Document:
        if "tags" not in record:
            refuse_foreign(record)
        id = record.identifier("orig_id")
        names.add(id, source.tally)
        source.tally.read(DOCUMENT)
        source.tally.read(SENTENCE)
        for name in record.values.keys() - _FIELDS:
            source.tally.note(_UNREAD.format(name))
        place = Place(source.tally, id or record.where.rsplit(": ", 1)[-1], record.where)
        builder = SentenceBuilder(place, record.tokens())
        annotate(_Sentence(record, builder, source))
        return Document.from_sentence(builder.sentence(id=id, annotated=_annotated(record)))

    return read_each(source, read, text)


def _annotated(record: Record) -> Iterator[str]:
    if "entities" in record or "tags" in record:
        yield ENTITY_TASK
    if "relations" in record:
        yield RELATION_TASK


def _annotate_with_objects(sentence: _Sentence) -> None:
    for item, where in sentence.items("entities"):
        sentence.add_entity(partial(_object, item, where))
    _add_indexed_relations(sentence)


def _object(item: object, where: str) -> tuple[int, int, str]:
    entity = Record.of(item, where)
    return entity.integer("start"), entity.integer("end"), entity.type_name()


def _annotate_with_tags(sentence: _Sentence) -> None:
    record, builder = sentence.record, sentence.builder
    tags = record.items("tags")
    if len(tags) != len(builder.tokens):
        record.fail(f"{len(tags)} tags for {len(builder.tokens)} tokens; expected one for each")
    for start, end, type_ in entities_from_tags(tags, record.where):
        builder.add_entity(start, end, type_)
    _add_indexed_relations(sentence)


def _add_indexed_relations(sentence: _Sentence) -> None:
    builder = sentence.builder
    for item, where in sentence.items("relations"):
        with sentence.guard(RELATION):
            relation = Record.of(item, where)
            head = builder.entity(relation.integer("head"))
            tail = builder.entity(relation.integer("tail"))
            builder.add_relation(head, tail, relation.type_name())


def _annotate_with_lists(sentence: _Sentence) -> None:
    for item, where in sentence.items("entities"):
        sentence.add_entity(partial(_list, item, where))
    builder = sentence.builder
    for item, where in sentence.items("relations"):
        with sentence.guard(RELATION):
            (start, end, tail_start, tail_end), type_ = check_span(item, 4, where)
            head, tail = builder.entity_at(start, end), builder.entity_at(tail_start, tail_end)
            builder.add_relation(head, tail, type_)


def _list(item: object, where: str) -> tuple[int, int, str]:
    (start, end), type_ = check_span(item, 2, where)
    return start, end, type_


def _write(
    documents: Sequence[Document],
    path: Path,
    tally: Tally,
    fields: Callable[[str, Sentence, Tally], dict[str, Any]],
) -> None:
    note_losses(documents, tally, keeps_ids=fields is _objects)
    items = []
    for document, sentence in writable_sentences(documents, tally):
        item = {"tokens": list(sentence.tokens), **fields(document.id, sentence, tally)}
        if fields is _objects and sentence.id:
            item["orig_id"] = sentence.id
        items.append(json.dumps(item, ensure_ascii=False))
    write_text(path, "[" + ",\n".join(items) + "]\n")


def _objects(document_id: str, sentence: Sentence, tally: Tally) -> dict[str, Any]:
    del document_id  # every entity and relation of a sentence can be held
    entities = sentence.sorted_entities
    positions = {entity: position for position, entity in enumerate(entities)}
    relations = sentence.sorted_relations
    tally.keep(ENTITY, len(entities))
    tally.keep(RELATION, len(relations))
    return {
        "entities": [
            {"type": entity.type, "start": entity.start, "end": entity.end} for entity in entities
        ],
        "relations": [
            {
                "type": relation.type,
                "head": positions[relation.head],
                "tail": positions[relation.tail],
            }
            for relation in relations
        ],
    }


def _lists(document_id: str, sentence: Sentence, tally: Tally) -> dict[str, Any]:
    entities = sentence.sorted_entities
    tally.keep(ENTITY, len(entities))
    relations = relations_between_spans(document_id, sentence, tally)
    return {
        "entities": [[*entity.span, entity.type] for entity in entities],
        "relations": [[*item.head.span, *item.tail.span, item.type] for item in relations],
    }


def _has(sample: Sample, name: str, kind: type) -> bool:
    """Whether the first sentence with something in a field has things of a kind there."""
    filled = (record[name] for record in sample.records if record.get(name))
    first = next(filled, None)
    return isinstance(first, list) and isinstance(first[0], kind)


SPERT = Format(
    "spert",
    "SpERT JSON: an array of sentences, relations by entity index",
    lambda source: _read(source, _annotate_with_objects),
    lambda documents, path, tally: _write(documents, path, tally, _objects),
    lambda sample: (
        sample.is_array
        and "tokens" in sample.keys
        and "tags" not in sample.keys
        and not _has(sample, "entities", list)
    ),
    needs='a JSON array of objects with "tokens", entities as objects',
)
TAGGED = Format(
    "tagged",
    "a JSON array of sentences with a tag for each token, relations by entity index",
    lambda source: _read(source, _annotate_with_tags),
    None,
    lambda sample: sample.is_array and {"tokens", "tags"} <= sample.keys,
    needs='a JSON array of objects with "tokens" and "tags"',
)
UNIFIED = Format(
    "unified",
    "unified JSON: an array of sentences, entities as [start, end, type]",
    lambda source: _read(source, _annotate_with_lists),
    lambda documents, path, tally: _write(documents, path, tally, _lists),
    lambda sample: sample.is_array and _has(sample, "entities", list),
    needs='a JSON array of objects with "tokens", entities as [start, end, type]',
)
