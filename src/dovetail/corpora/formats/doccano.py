"""doccano JSON lines: texts with labelled spans, and with relations between them if there are any.

A line of a project without relations has its spans in `label` (or `labels`), as
``[start, end, type]``; one of a project with relations has `entities` and `relations`, which name
each other by ids.  A missing field says that nobody looked, an empty one that there is nothing.
Source: https://doccano.github.io/doccano/tutorial/ and the examples in doccano's importer
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import ENTITY, RELATION, Tally
from dovetail.corpora.marking.assembly import UniqueNames
from dovetail.corpora.marking.flat_spans import check_span
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record, describe
from dovetail.corpora.writing.raw_text import RawDocument, note_scores, raw_document, tasks_to_write
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Document

_FIELDS = {"id", "text", "data", "label", "labels", "entities", "relations"}


@dataclass(slots=True)
class _Reader:
    source: Source
    names: UniqueNames = field(default_factory=UniqueNames)

    def read_line(self, record: Record) -> MarkedText:
        id = record.identifier("id")
        self.names.add(id, record.where)
        name = id or record.where.rsplit("/", 1)[-1]
        for extra in sorted(record.values.keys() - _FIELDS):
            self.source.tally.note(f"field {extra!r} is not read")
        # The importer lets a project choose the names of its columns; these two are its own.
        text = record.string("data" if "data" in record and "text" not in record else "text")
        entities: list[CharacterEntity] = []
        for label in ("label", "labels"):
            for position, item in enumerate(record.items(label) if label in record else []):
                with self.source.faults.guard(ENTITY, name):
                    entities.append(_labelled(item, f"{record.where}: {label}[{position}]"))
        positions: dict[str, int | None] = {}
        for entity in record.records("entities"):
            with self.source.faults.guard(ENTITY, name):
                self.read_entity(entity, entities, positions)
        relations = []
        for relation in record.records("relations"):
            with self.source.faults.guard(RELATION, name):
                relations.append(_relation(relation, positions))
        return MarkedText(id, text, entities, relations, record.where, _annotated(record))

    def read_entity(
        self, record: Record, entities: list[CharacterEntity], positions: dict[str, int | None]
    ) -> None:
        id = record.identifier("id")
        if id and id in positions:
            record.fail(f"the id {id!r} is taken by an entity before it; give each its own id")
        positions[id] = None  # until it is known to be whole
        start, end = record.integer("start_offset"), record.integer("end_offset")
        type_ = record.string("label") or record.fail("'label' is empty; name the type")
        positions[id] = len(entities)
        entities.append(CharacterEntity(start, end, type_, record.where))


def _labelled(item: object, where: str) -> CharacterEntity:
    (start, end), type_ = check_span(item, 2, where)
    return CharacterEntity(start, end, type_, where)


def _relation(record: Record, positions: dict[str, int | None]) -> IndexedRelation:
    arguments = []
    for name in ("from_id", "to_id"):
        id = record.identifier(name)
        if not id or id not in positions:
            record.fail(
                f"{name!r} is {describe(record.values.get(name))}, which no entity is called"
            )
        arguments.append(positions[id])
    head, tail = arguments
    return IndexedRelation(head, tail, record.type_name())


def _annotated(record: Record) -> frozenset[str]:
    tasks = (
        {ENTITY_TASK} if any(name in record for name in ("label", "labels", "entities")) else set()
    )
    return frozenset(tasks | ({RELATION_TASK} if "relations" in record else set()))


def _read(source: Source) -> list[MarkedText]:
    return read_each(source, _Reader(source).read_line)


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write the form with relations if any document is annotated for them."""
    raw = [raw_document(document, tally) for document in documents]
    note_scores(raw, tally)
    related = any(RELATION_TASK in tasks_to_write(document) for document in raw)
    lines = []
    first = 1
    for document in raw:
        line = {**({"id": document.id} if document.id else {}), "text": document.text}
        line |= _with_relations(document, first) if related else _with_labels(document)
        first += len(document.entities)
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    write_text(path, "".join(lines))


def _with_labels(document: RawDocument) -> dict[str, Any]:
    if ENTITY_TASK not in tasks_to_write(document):
        return {}
    return {"label": [[entity.start, entity.end, entity.type] for entity in document.entities]}


def _with_relations(document: RawDocument, first: int) -> dict[str, Any]:
    """The fields of a project with relations; ids count from `first`, through the whole file."""
    entities = [
        {"id": id, "start_offset": entity.start, "end_offset": entity.end, "label": entity.type}
        for id, entity in enumerate(document.entities, start=first)
    ]
    relations = [
        {"from_id": first + relation.head, "to_id": first + relation.tail, "type": relation.type}
        for relation in document.relations
    ]
    fields: dict[str, Any] = {"entities": entities, "relations": relations}
    tasks = tasks_to_write(document)
    return {name: fields[name] for name, task in zip(fields, TASKS, strict=True) if task in tasks}


def _recognises(sample: Sample) -> bool:
    if not sample.records or not {"text", "data"} & sample.keys or "tokens" in sample.keys:
        return False
    record = sample.records[0]
    labels = record.get("label", record.get("labels"))
    if isinstance(labels, list):
        return all(isinstance(item, list) for item in labels)
    entities = record.get("entities")
    if not isinstance(entities, list):
        return False
    return "Comments" in record or any(
        isinstance(item, dict) and "start_offset" in item for item in entities
    )


DOCCANO = Format(
    "doccano",
    "doccano JSON lines: texts with labelled spans, and relations where a project has them",
    _read,
    _write,
    _recognises,
    needs='JSON objects with "text" and "label", or "entities" with their "start_offset"',
)
