"""A shard: the files that a unit makes, in memory, and what it counted.

There is nothing in them but what inputs, model and options decide: no time, no name of a machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Protocol

from dovetail.bulk.options import BulkOptions
from dovetail.bulk.tables import ERRORS, Table, tables_of
from dovetail.bulk.unit_reading import ReadDocument
from dovetail.text.extraction import Extraction


@dataclass(slots=True)
class Counts:
    """What was read and found; `documents` are those that were extracted, `failed` the others."""

    documents: int = 0
    sentences: int = 0
    characters: int = 0
    entities: int = 0
    relations: int = 0
    failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Shard:
    """Files by their names within the folder of the run, and their counts."""

    files: Mapping[str, bytes]
    counts: Counts

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return {name: hashlib.sha256(own).hexdigest() for name, own in self.files.items()}


class _Rows(Protocol):
    """What takes documents one after another."""

    def add(self, read: ReadDocument, extraction: Extraction) -> None: ...

    def files(self, name: str) -> dict[str, bytes]: ...


class ShardMaker:
    """Takes the documents of a unit in their order, and makes the shard.

    Args:
        options: what is written.
        heading: the first line of native JSON lines.
    """

    def __init__(self, options: BulkOptions, heading: Mapping[str, Any]) -> None:
        self._rows: _Rows = (
            _JsonLines(options, heading) if options.form == "jsonl" else tables_of(options)
        )
        self._errors = Table(ERRORS)
        self._counts = Counts()

    def add(self, read: ReadDocument, extraction: Extraction) -> None:
        """Take what was found in a document."""
        self._rows.add(read, extraction)
        self._counts += Counts(
            1,
            len(extraction.document.sentences),
            len(extraction.text),
            len(extraction.entities),
            len(extraction.relations),
        )

    def fail(self, read: ReadDocument, reason: str) -> None:
        """Note a document that nothing can be extracted from."""
        self._errors.add({"number": read.number, "place": read.place, "reason": reason})
        self._counts.failed += 1

    def shard(self, name: str) -> Shard:
        """The shard of this name; nothing can be added afterwards."""
        files = self._rows.files(name)
        if self._counts.failed:
            files[f"errors/{name}.parquet"] = self._errors.content()
        return Shard(files, self._counts)


class _JsonLines:
    """Native JSON lines, with what goes through beside what was found."""

    def __init__(self, options: BulkOptions, heading: Mapping[str, Any]) -> None:
        self._lines = [_line(heading)]

    def add(self, read: ReadDocument, extraction: Extraction) -> None:
        kept = {} if read.fields is None else read.fields.kept
        self._lines.append(_line({**extraction.to_dict(), **kept}))

    def files(self, name: str) -> dict[str, bytes]:
        return {f"documents/{name}.jsonl": b"".join(self._lines)}


def _line(values: Mapping[str, Any]) -> bytes:
    # A kept value may hold half a surrogate pair, which only an escape can spell.
    text = json.dumps(values, ensure_ascii=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(values).encode() + b"\n"
