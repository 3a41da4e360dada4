"""From a record to the text of a document, its name, and the columns that go through."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.bulk.addresses import Input
from dovetail.bulk.cells import Header, header_of
from dovetail.bulk.options import BulkOptions
from dovetail.bulk.records import Record as RawRecord
from dovetail.corpora.source.json_records import Record
from dovetail.corpora.source.json_text import parse_json
from dovetail.errors import CorpusError

_WET_NAMES = {
    "warc-record-id": "id",
    "warc-target-uri": "url",
    "warc-date": "date",
    "warc-identified-content-language": "language",
    "warc-type": "type",
}


@dataclass(frozen=True, slots=True)
class TextFields:
    """A text with its name and what goes through with it."""

    id: str
    text: str
    kept: Mapping[str, Any]


@dataclass(slots=True)
class FieldReader:
    """Reads the records of one input."""

    source: Input
    options: BulkOptions
    _header: Header | None = field(init=False, default=None)

    def place_of(self, number: int) -> str:
        """The address, and the line or row where there are several."""
        address = self.source.address
        return address if self.source.kind == "text" else f"{address}:{number}"

    def is_document(self, record: RawRecord) -> bool:
        """Whether a record is to be one: not a blank line between JSON, nor an archive's own."""
        content = record.content
        if content is None or self.source.kind not in ("jsonl", "wet", "csv", "tsv"):
            return True
        if self.source.kind == "wet":
            return b"\nwarc-type: conversion" in content[:4096].lower()
        return bool(content.strip())

    def fields_of(self, record: RawRecord) -> TextFields:
        """The text of a record.

        Raises:
            CorpusError: if it has none, or is larger than a document may be.
        """
        place = self.place_of(record.number)
        if record.content is None:
            raise CorpusError(f"it has {record.size:,} bytes, more than a document may have")
        try:
            values = Record(self._values(record.number, record.content), place)
            text = values.string(self._text_column)
            id = values.identifier(self.options.id_column or "id") or place
        except CorpusError as error:
            raise CorpusError(_reason(error, place, self.source.address, record.number)) from None
        if len(text) > self.options.max_characters:
            raise CorpusError(
                f"it has {len(text):,} characters, and --max-characters is "
                f"{self.options.max_characters:,}"
            )
        kept = {name: values.values.get(name) for name in self.options.keep}
        return TextFields(id, text, kept)

    @property
    def _text_column(self) -> str:
        has_columns = self.source.kind not in ("text", "lines", "wet")
        return self.options.text_column if has_columns else "text"

    def _values(self, number: int, content: bytes) -> Mapping[str, Any]:
        if number == 1:
            content = content.removeprefix(codecs.BOM_UTF8)
        match self.source.kind:
            case "text":
                return {"text": _decoded(content)}
            case "lines":
                return {"text": _decoded(content).rstrip("\r\n")}
            case "wet":
                return _archived(content)
            case "csv" | "tsv":
                return self._row(content)
            case _:
                place = self.place_of(number)
                text = _decoded(content).rstrip()  # what is cut off is broken where it is cut
                value = parse_json(text, Path(self.source.address), line=number)
                return Record.of(value, place).values

    def _row(self, content: bytes) -> Mapping[str, Any]:
        if self._header is None:
            self._header = header_of(self.source, self.options)
        try:
            cells = self._header.cells(content)
        except UnicodeDecodeError as error:
            raise CorpusError(f"not UTF-8 text: {error}") from error
        except ValueError as error:
            raise CorpusError(f"no row: {error}") from error
        names = self._header.names
        if len(cells) != len(names):
            raise CorpusError(f"{len(cells)} cells, and the header has {len(names)}")
        return dict(zip(names, cells, strict=True))


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise CorpusError(f"not UTF-8 text: {error}") from error


def _archived(content: bytes) -> Mapping[str, Any]:
    """A record of a web archive: its text, and what its head says of it."""
    head, _, text = content.partition(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.splitlines())
    said = {name.decode("latin-1").strip().lower(): value for name, _, value in lines}
    values = {
        own: said[name].decode("utf-8", "replace").strip()
        for name, own in _WET_NAMES.items()
        if name in said
    }
    return {**values, "text": _decoded(text)}


def _reason(error: CorpusError, place: str, address: str, number: int) -> str:
    """A message without the place, which has a column of its own."""
    reason = str(error)
    for prefix in (place, f"{Path(address)}:{number}"):
        reason = reason.removeprefix(f"{prefix}: ")
    return reason
