"""BioC, in XML and in JSON: collections of documents in passages, and their annotations.

The text of a document is that of its passages, each at its offset.  An annotation's type is its
infon ``type``; several locations are fragments.  A relation of two nodes has its own type; one of
more is read as relations from its first node to each other one, named by their roles, as brat's
events are.  A relation without nodes, whose infons name two concepts, is one between mentions: see
`concepts`.
Source: https://bioc.sourceforge.net
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.bioc.bioc_relations import Relations, infons_of
from dovetail.corpora.formats.bioc.bioc_text import Passages, Piece
from dovetail.corpora.formats.bioc.bioc_writer import write_json, write_xml
from dovetail.corpora.formats.bioc.bioc_xml import documents_from_xml
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, Drop
from dovetail.corpora.marking.concepts import annotated_as_found
from dovetail.corpora.marking.marked_text import CharacterEntity, MarkedText
from dovetail.corpora.source.json_records import Record, describe
from dovetail.corpora.source.json_text import json_values
from dovetail.errors import CorpusFormatError

WITHOUT_PLACE = "annotation without a location"
_COLLECTION = re.compile(
    r"(?:<\?[^>]*>\s*|<!--.*?-->\s*)*<(?:!DOCTYPE\s+)?collection[\s>/\[]", re.DOTALL
)
_COLLECTIONS = ("documents", "PubTator3")


class _Reader:
    """Reads one document."""

    def __init__(self, record: Record, source: Source) -> None:
        self.record = record
        self.source = source
        self.id = record.identifier("id")
        self.name = self.id or record.where
        self.passages = Passages(source.reading.offsets or "codepoints", source.tally)
        self.entities: list[CharacterEntity] = []
        self.relations = Relations(source, self.name)

    def read(self) -> MarkedText:
        passages = self.record.records("passages")
        for number, passage in enumerate(passages):
            pieces = self.passages.add(passage)
            scope = str(number)
            for part in (passage, *passage.records("sentences")):
                self.read_annotations(part, pieces, scope)
        self.read_annotations(self.record, self.passages.pieces, "")
        found = self.relations.resolved(self.entities)
        text = self.passages.text
        return MarkedText(self.id, text, self.entities, found, self.record.where)

    def read_annotations(self, part: Record, pieces: list[Piece], scope: str) -> None:
        for annotation in part.records("annotations"):
            with self.source.faults.guard(ENTITY, self.name):
                self.read_annotation(annotation, pieces, scope)
        for relation in part.records("relations"):
            with self.source.faults.guard(RELATION, self.name):
                self.relations.add(relation, scope)

    def read_annotation(self, record: Record, pieces: list[Piece], scope: str) -> None:
        id = record.identifier("id")
        self.relations.define(id, scope, record)
        locations = record.records("locations")
        if not locations:
            self.source.tally.read(WITHOUT_PLACE)
            self.source.tally.drop(Drop(self.name, WITHOUT_PLACE, "it stands nowhere in the text"))
            return
        spans = []
        for location in locations:
            start = self.passages.position(location.integer("offset"), pieces)
            spans.append((start, start + location.integer("length")))
        entity = CharacterEntity(
            min(spans)[0],
            max(end for _, end in spans),
            _type(record),
            record.where,
            surface=record.string("text") if "text" in record else None,
            fragments=tuple(spans),
        )
        self.relations.stand(id, scope, record, len(self.entities), entity)
        self.entities.append(entity)


def _type(record: Record) -> str:
    """The infon ``type``, or the only one.

    INCEpTION gives the name of a layer there, as ``custom.Span``, and the label beside it.
    """
    infons = infons_of(record)
    if "type" not in infons:
        if len(infons) != 1:
            record.fail(f"an annotation without an infon 'type'; its infons are {sorted(infons)}")
        return Record({"type": next(iter(infons.values()))}, record.where).type_name()
    if "." in str(infons["type"]):
        label = next((infons[key] for key in ("value", "label") if infons.get(key)), None)
        if label is not None:
            return Record({"type": label}, record.where).type_name()
    return Record(infons, record.where).type_name()


def _read_xml(source: Source) -> list[MarkedText]:
    return _read(_records_of_xml(source.text(), source.path), source)


def _records_of_xml(text: str, path: Path) -> Iterator[Record]:
    for number, document in enumerate(documents_from_xml(text, path)):
        yield Record(document, f"{path}: document {number} ({str(document.get('id', ''))[:60]!r})")


def _read_json(source: Source) -> list[MarkedText]:
    return _read(_records_of_json(source), source)


def _records_of_json(source: Source) -> Iterator[Record]:
    """The documents of a collection, of an array of collections or documents, or of lines."""
    path = source.path
    for item in json_values(source.text(), path):
        documents: list[Record] = []
        with source.faults.guard(DOCUMENT, item.where.rsplit("/", 1)[-1]):
            documents = list(_documents_in(item.record()))
        yield from documents


def _documents_in(record: Record) -> Iterator[Record]:
    name = next((name for name in _COLLECTIONS if name in record), None)
    if name is not None:
        yield from record.records(name)
    elif "passages" in record:
        yield record
    else:
        record.fail(
            f"expected a BioC collection with 'documents', or a document with 'passages'; found "
            f"{describe(dict(record.values))}"
        )


def _read(records: Iterator[Record], source: Source) -> list[MarkedText]:
    texts = []
    for record in records:
        with source.faults.guard(DOCUMENT, record.where.rsplit("/", 1)[-1]):
            texts.append(_Reader(record, source).read())
    if not texts and not source.faults.found:
        raise CorpusFormatError(f"{source.path} is a BioC collection without documents")
    return annotated_as_found(texts, source)


def _is_xml(sample: Sample) -> bool:
    beginning = "\n".join(sample.lines)[:5000].lstrip()
    return _COLLECTION.match(beginning) is not None


def _is_json(sample: Sample) -> bool:
    if not sample.records:
        return False
    first = sample.records[0]
    held = next((first[name] for name in _COLLECTIONS if isinstance(first.get(name), list)), None)
    documents = held if held is not None else [first]
    return bool(documents) and isinstance(documents[0], dict) and "passages" in documents[0]


BIOC = Format(
    "bioc",
    "BioC XML: passages with annotations and relations",
    _read_xml,
    write_xml,
    _is_xml,
    holds_fragments=True,
    needs="XML whose root is 'collection'",
)
BIOC_JSON = Format(
    "bioc-json",
    "BioC JSON: passages with annotations and relations",
    _read_json,
    write_json,
    _is_json,
    holds_fragments=True,
    needs="JSON with 'documents' that have 'passages'",
)
