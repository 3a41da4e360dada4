"""Documents, entities and relations as tables of Parquet, whose bytes depend on the rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from dovetail.bulk.options import BulkOptions
from dovetail.bulk.unit_reading import ReadDocument
from dovetail.text.extraction import Extraction

ROWS_AT_ONCE = 16_384
"""Rows that are held as Python's objects; so many make a group of rows."""

_FRAGMENTS = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))
_ENTITY = [
    ("start", pa.int64()),
    ("end", pa.int64()),
    ("type", pa.string()),
    ("text", pa.string()),
    ("confidence", pa.float64()),
    ("fragments", _FRAGMENTS),
]
_RELATION = [
    ("head", pa.int64()),
    ("tail", pa.int64()),
    ("type", pa.string()),
    ("confidence", pa.float64()),
]
_ARGUMENTS = [
    (f"{end}_{what}", pa.string()) for end in ("head", "tail") for what in ("text", "type")
]

ERRORS = pa.schema([("number", pa.int64()), ("place", pa.string()), ("reason", pa.string())])
"""Documents that nothing was extracted from; no number where it is an input, or a part of one."""


class Table:
    """A file of Parquet that is written in memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._sink = pa.BufferOutputStream()
        self._writer = parquet.ParquetWriter(self._sink, schema, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row."""
        self._rows.append(row)
        if len(self._rows) == ROWS_AT_ONCE:
            self._write()

    def content(self) -> bytes:
        """The file; no row can be added afterwards."""
        if self._rows:
            self._write()
        self._writer.close()
        return bytes(self._sink.getvalue())

    def _write(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


def joined_size(shards: Iterable[Mapping[str, bytes]]) -> int:
    """The bytes of the files of several shards, had they been written as one."""
    by_folder: dict[str, list[bytes]] = {}
    size = 0
    for files in shards:
        for name, content in files.items():
            if name.endswith(".parquet"):
                by_folder.setdefault(name.partition("/")[0], []).append(content)
            else:
                size += len(content)
    for contents in by_folder.values():
        whole = pa.concat_tables(parquet.read_table(pa.BufferReader(own)) for own in contents)
        sink = pa.BufferOutputStream()
        parquet.write_table(whole, sink, compression="zstd", row_group_size=ROWS_AT_ONCE)
        size += len(sink.getvalue())
    return size


def tables_of(options: BulkOptions) -> SeparateTables | NestedTable:
    """Tables in the form that is asked for."""
    return NestedTable(options) if options.form == "nested" else SeparateTables(options)


class SeparateTables:
    """A row for each document, each entity and each relation, which name each other by numbers."""

    def __init__(self, options: BulkOptions) -> None:
        keys = [("document", pa.int64()), ("id", pa.string())]
        self._options = options
        self._documents = Table(pa.schema(_document_fields(options)))
        self._entities = Table(pa.schema([*keys, ("entity", pa.int64()), *_ENTITY]))
        self._relations = Table(pa.schema([*keys, *_RELATION, *_ARGUMENTS]))

    def add(self, read: ReadDocument, extraction: Extraction) -> None:
        """Take a document with what was found in it."""
        keys = {"document": read.number, "id": extraction.document.id}
        self._documents.add(_document(read, extraction, self._options))
        values = extraction.to_dict()
        entities = values["entities"]
        for place, entity in enumerate(entities):
            self._entities.add({**keys, "entity": place, **_entity(entity)})
        for relation in values["relations"]:
            ends = {
                f"{end}_{what}": entities[relation[end]][what]
                for end in ("head", "tail")
                for what in ("text", "type")
            }
            self._relations.add({**keys, **relation, **ends})

    def files(self, name: str) -> dict[str, bytes]:
        """The tables by the names of their files."""
        return {
            f"documents/{name}.parquet": self._documents.content(),
            f"entities/{name}.parquet": self._entities.content(),
            f"relations/{name}.parquet": self._relations.content(),
        }


class NestedTable:
    """A row for each document, with lists of what was found in it."""

    def __init__(self, options: BulkOptions) -> None:
        found = [
            ("entities", pa.list_(pa.struct(_ENTITY))),
            ("relations", pa.list_(pa.struct(_RELATION))),
        ]
        self._options = options
        self._documents = Table(pa.schema([*_document_fields(options), *found]))

    def add(self, read: ReadDocument, extraction: Extraction) -> None:
        """Take a document with what was found in it."""
        values = extraction.to_dict()
        found = {
            "entities": [_entity(own) for own in values["entities"]],
            "relations": values["relations"],
        }
        self._documents.add({**_document(read, extraction, self._options), **found})

    def files(self, name: str) -> dict[str, bytes]:
        """The table by the name of its file."""
        return {f"documents/{name}.parquet": self._documents.content()}


def _document_fields(options: BulkOptions) -> list[tuple[str, pa.DataType]]:
    texts = [("text", pa.string())] if options.texts else []
    return [
        ("number", pa.int64()),
        ("id", pa.string()),
        ("place", pa.string()),
        ("characters", pa.int64()),
        ("sentences", pa.int64()),
        *texts,
        *((name, pa.string()) for name in options.keep),
    ]


def _document(read: ReadDocument, extraction: Extraction, options: BulkOptions) -> dict[str, Any]:
    kept = {} if read.fields is None else read.fields.kept
    return {
        "number": read.number,
        "id": extraction.document.id,
        "place": read.place,
        "characters": len(extraction.text),
        "sentences": len(extraction.document.sentences),
        **({"text": extraction.text} if options.texts else {}),
        **{name: _cell(kept.get(name)) for name in options.keep},
    }


def _entity(values: Mapping[str, Any]) -> dict[str, Any]:
    pieces = values.get("fragments")
    fragments = None if pieces is None else [{"start": start, "end": end} for start, end in pieces]
    return {**values, "fragments": fragments}


def _cell(value: object) -> str | None:
    """A value that goes through, as text: of one that is none, its JSON."""
    text = value if value is None or isinstance(value, str) else json.dumps(value)
    # Half a surrogate pair, which JSON can spell and Parquet cannot.
    return None if text is None else text.encode("utf-8", "replace").decode()
