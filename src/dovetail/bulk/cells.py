"""Rows of cells, as in CSV: where one ends, what is in it, and the header that names its columns.

A quotation mark opens a cell only where the cell begins, as the csv module reads it: the inches of
`a 5" pipe` are text.  A row goes on over the end of a line inside of what such a mark opened.
"""

from __future__ import annotations

import csv
import io
from enum import Enum, auto
from typing import NamedTuple

from dovetail.bulk.addresses import Input
from dovetail.bulk.columns import check_columns, columns_asked_for
from dovetail.bulk.contents import opened
from dovetail.bulk.options import BulkOptions
from dovetail.errors import CorpusError

DELIMITERS = {"csv": ",;|\t", "tsv": "\t"}
"""What may stand between the cells of a row; which one it is shows in the header."""


class Header(NamedTuple):
    """The names of the columns of a file of rows, and what stands between the cells of each row."""

    names: list[str]
    delimiter: str

    def cells(self, content: bytes) -> list[str]:
        """The cells of a row.

        Raises:
            ValueError: if it is not UTF-8, or not one row.
        """
        return cells_of(content, self.delimiter)


def header_of(source: Input, options: BulkOptions) -> Header:
    """The header of a file of rows, cut so that it has all columns that are asked for.

    Raises:
        CorpusError: if there is no header, or it lacks a column that is asked for.
        OSError, EOFError, ValueError: as `records.records_of`.
    """
    with opened(source) as file:
        line = file.readline(options.most_bytes)
    line = line.removeprefix(b"\xef\xbb\xbf")
    try:
        headers = _headers(line, DELIMITERS[source.kind])
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{source.address} is not UTF-8 text: {error}; convert it, as with "
            f"iconv -f UTF-16 -t UTF-8"
        ) from error
    except ValueError as error:
        raise CorpusError(f"{source.address} has no header: {error}") from error
    # Without the columns the message names those that there are: the most by any delimiter.
    wanted = {*columns_asked_for(options)}
    best = max(headers, key=lambda own: (wanted <= {*own.names}, len(own.names)))
    check_columns(best.names, options, source.address)
    return best


def _headers(line: bytes, delimiters: str) -> list[Header]:
    """What a line may be, by each delimiter with which it is one row.

    Raises:
        ValueError: if it is none, or not UTF-8.
    """
    headers: list[Header] = []
    for delimiter in delimiters:
        try:
            headers.append(Header(cells_of(line, delimiter), delimiter))
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            reason = error
    if not headers:
        raise reason
    return headers


def cells_of(content: bytes, delimiter: str) -> list[str]:
    """The cells of a row.

    Raises:
        ValueError: if it is not UTF-8, or not one row.
    """
    text = content.decode()
    limit = csv.field_size_limit(len(text) + 1)  # how long a text may be is not its business
    try:
        rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as error:
        raise ValueError(str(error)) from error
    finally:
        csv.field_size_limit(limit)
    if len(rows) > 1:
        raise ValueError("a line holds several rows: end each with a line feed")
    quotes = Quotes(delimiter)
    quotes.read(content)
    if quotes.is_open:
        raise ValueError("the quotation mark that a cell begins with is not closed")
    return rows[0] if rows else []


class Quotes:
    """Whether what is read so far of some rows ends inside of quotation marks."""

    def __init__(self, delimiter: str) -> None:
        self._ends = b"\r\n" + delimiter.encode()
        self._state = _State.BEGINS

    @property
    def is_open(self) -> bool:
        """Whether the row goes on, whatever follows."""
        return self._state is _State.QUOTED

    def read(self, part: bytes) -> None:
        """Read on; a part may end anywhere."""
        place = 0
        while place < len(part):
            place = self._read(part, place)

    def _read(self, part: bytes, place: int) -> int:
        """Read one thing that decides what the next may be; returns the place behind it."""
        is_quote = part.startswith(b'"', place)
        match self._state:
            case _State.BEGINS:
                self._state = _State.QUOTED if is_quote else _State.INSIDE
                return place + is_quote
            case _State.INSIDE:
                # What matters is the next mark, and whether a cell begins with it.
                quote = part.find(b'"', place)
                end = len(part) if quote < 0 else quote
                if end > place and part[end - 1] in self._ends:
                    self._state = _State.BEGINS
                    return end
                return end + (quote >= 0)
            case _State.QUOTED:
                closes = part.find(b'"', place)
                if closes < 0:
                    return len(part)
                self._state = _State.CLOSED
                return closes + 1
            case _State.CLOSED:  # unless the mark stands for one mark, being there twice
                self._state = _State.QUOTED if is_quote else _State.INSIDE
                return place + is_quote


class _State(Enum):
    """Where in a row something ends."""

    BEGINS = auto()
    INSIDE = auto()
    QUOTED = auto()
    CLOSED = auto()
