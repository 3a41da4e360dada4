"""The records of an input: lines, rows, documents, with the bytes that each of them takes.

A record is read whole or, where it is larger than any document may be, passed over.  Positions are
counted in bytes of what is unpacked, and for Parquet in rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from dovetail.bulk.addresses import Input
from dovetail.bulk.cells import Quotes, header_of
from dovetail.bulk.contents import opened
from dovetail.bulk.options import BulkOptions
from dovetail.errors import CorpusError

_PART = 1 << 20


class Place(NamedTuple):
    """Where a record begins: its position, and its number from 1, which is that of its line."""

    position: int = 0
    number: int = 1


START = Place()


class Record(NamedTuple):
    """A record; `content` is None where it is larger than what is read.  `next` is behind it."""

    number: int
    content: bytes | None
    size: int
    next: Place


class Digest:
    """SHA-256 of what is read, up to where it is cut."""

    def __init__(self) -> None:
        self._running = hashlib.sha256()

    def update(self, content: bytes) -> None:
        self._running.update(content)

    def cut(self) -> str:
        """The digits so far; counting begins anew."""
        digits = self._running.hexdigest()
        self._running = hashlib.sha256()
        return digits


def records_of(
    source: Input, options: BulkOptions, place: Place = START, digest: Digest | None = None
) -> Iterator[Record]:
    """The records of an input from a place on, at which one begins.

    Args:
        source: the input.
        options: columns, and how large a record may be.
        place: where to begin.
        digest: is told all that the records are made of.

    Raises:
        CorpusError: if the input breaks its format, or lacks a column.
        OSError, EOFError, ValueError: if it is damaged (`contents.BROKEN`).
    """
    digest = digest or Digest()
    if source.kind == "parquet":
        from dovetail.bulk.parquet_rows import rows_of

        yield from rows_of(source, options, place, digest)
        return
    with opened(source, place.position) as file:
        bounded = _Bounded(file, options.most_bytes, digest)
        match source.kind:
            case "text":
                yield from _whole(bounded, place)
            case "csv" | "tsv":
                yield from _rows(bounded, place, header_of(source, options).delimiter)
            case "wet":
                yield from _archived(bounded, place)
            case _:
                yield from _lines(bounded, place)


class _Bounded:
    """Reads lines, and keeps of each what may be kept."""

    def __init__(self, file: BinaryIO, most_bytes: int, digest: Digest) -> None:
        self._file, self._digest = file, digest
        self.most_bytes = most_bytes

    def line(self, quotes: Quotes | None = None) -> tuple[bytes | None, int]:
        """The next line, and its size; of the quotation marks in it is told."""
        line = self._line(self.most_bytes + 1, quotes)
        size = len(line)
        if size <= self.most_bytes:
            return line, size
        while line and not line.endswith(b"\n"):
            line = self._line(_PART, quotes)
            size += len(line)
        return None, size

    def _line(self, most: int, quotes: Quotes | None) -> bytes:
        line = self._read(self._file.readline(most))
        if quotes is not None:
            quotes.read(line)
        return line

    def stretch(self, number: int) -> tuple[bytes | None, int]:
        """So many bytes, or all that there are."""
        content = self._read(self._file.read(min(number, self.most_bytes + 1)))
        size = len(content)
        if size <= self.most_bytes:
            return content, size
        while part := self._read(self._file.read(min(_PART, number - size))):
            size += len(part)
        return None, size

    def _read(self, content: bytes) -> bytes:
        self._digest.update(content)
        return content


def _whole(file: _Bounded, place: Place) -> Iterator[Record]:
    if not place.position:
        content, size = file.stretch(1 << 62)
        yield Record(place.number, content, size, Place(max(size, 1), place.number + 1))


def _lines(file: _Bounded, place: Place) -> Iterator[Record]:
    end, number = place
    while True:
        content, size = file.line()
        if not size:
            return
        end += size
        yield Record(number, content, size, Place(end, number + 1))
        number += 1


def _rows(file: _Bounded, place: Place, delimiter: str) -> Iterator[Record]:
    """The rows behind the header; a row ends with a line at whose end no quotation is open."""
    end, number = place
    while True:
        parts: list[bytes] | None = []
        size, lines, quotes = 0, 0, Quotes(delimiter)
        while quotes.is_open or not lines:
            content, own = file.line(quotes)
            if not own:
                break
            size, lines = size + own, lines + 1
            if parts is None or content is None or size > file.most_bytes:
                parts = None
            else:
                parts.append(content)
        if not size:
            return
        end += size
        if number > 1:
            content = None if parts is None else b"".join(parts)
            yield Record(number, content, size, Place(end, number + lines))
        number += lines


def _archived(file: _Bounded, place: Place) -> Iterator[Record]:
    """The records of a web archive: a head, an empty line, so many bytes, two empty lines."""
    end, number = place
    while True:
        head, length, size = _head(file, number)
        if not size:
            return
        content, own = file.stretch(length)
        if own < length:
            raise EOFError(f"record {number} is cut off: {own} of {length} bytes are there")
        size += own
        for _ in range(2):
            line, own = file.line()
            if line is None or line.strip():
                raise CorpusError(f"record {number} is longer than the {length} bytes that it says")
            size += own
        end += size
        whole = None if content is None else head + content
        yield Record(number, whole, size, Place(end, number + 1))
        number += 1


def _head(file: _Bounded, number: int) -> tuple[bytes, int, int]:
    """The head of a record with its empty line, the length of what follows, and its own."""
    lines: list[bytes] = []
    length = -1
    while True:
        line, size = file.line()
        if not size and not lines:
            return b"", 0, 0
        if line is None or not size or (not lines and not line.startswith(b"WARC/")):
            raise CorpusError(f"record {number} does not begin as one of a web archive does")
        lines.append(line)
        if not line.strip():
            break
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
    if length < 0:
        raise CorpusError(f"record {number} does not say how long it is")
    head = b"".join(lines)
    return head, length, len(head)
