"""Files of JSON objects: one array, an object a line, or objects one after another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from dovetail.corpora.files import numbered_lines, parse_json, read_text
from dovetail.corpora.formats import Source
from dovetail.corpora.ledger import DOCUMENT
from dovetail.corpora.records import Record
from dovetail.errors import CorpusFormatError

Read = TypeVar("Read")


def read_each(source: Source, read: Callable[[Record], Read | None]) -> list[Read]:
    """Read every object of a file; one that breaks the format is a fault of the source.

    `read` gives None for an object that it has dropped.

    Raises:
        CorpusFormatError: if the file is not JSON at all, or has no object in it.
    """
    text = read_text(source.path)
    found: list[Read] = []
    objects = 0
    for where, parse in _objects(text, source.path):
        objects += 1
        with source.faults.guard(DOCUMENT, where.rsplit("/", 1)[-1]):
            item = read(Record.of(parse(), where))
            if item is not None:
                found.append(item)
    if not objects:
        raise CorpusFormatError(f"{source.path}: expected JSON objects, found none")
    return found


def _objects(text: str, path: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """The place of each object, and what parses it."""
    if text.lstrip().startswith("["):
        for position, item in enumerate(parse_json(text, path)):
            yield f"{path}: item {position}", partial(_given, item)
        return
    pieces = _spanning_lines(text) or (
        (number, line) for number, line in numbered_lines(text) if line.strip()
    )
    for number, piece in pieces:
        yield f"{path}:{number}", partial(parse_json, piece, path, line=number)


def _given(item: object) -> object:
    return item


def _spanning_lines(text: str) -> list[tuple[int, str]]:
    """The objects of a file whose first one goes on after its first line, with their lines.

    What cannot be parsed is the last piece.  Empty where each object has a line of its own.
    """
    start = len(text) - len(text.lstrip())
    line_end = text.find("\n", start)
    pieces: list[tuple[int, str]] = []
    while start < len(text):
        end = _object_end(text, start)
        if not pieces and not start < line_end < end:
            return []
        pieces.append((text.count("\n", 0, start) + 1, text[start:end]))
        start = end + len(text[end:]) - len(text[end:].lstrip(" \t\r\n,"))
    return pieces


def _object_end(text: str, start: int) -> int:
    """Where the JSON value from `start` ends; the end of the text if it cannot be parsed."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return len(text)
