"""Files of JSON objects: one array, an object a line, or objects one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from dovetail.corpora.files import parse_json, read_text
from dovetail.corpora.formats import Source
from dovetail.corpora.ledger import DOCUMENT
from dovetail.corpora.records import Record
from dovetail.errors import CorpusFormatError

Read = TypeVar("Read")

_SPACE = re.compile(r"[\s,]*")
_OBJECT_START = re.compile(r"^\{", re.MULTILINE)


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
    for number, piece in _pieces(text):
        yield f"{path}:{number}", partial(parse_json, piece, path, line=number)


def _given(item: object) -> object:
    return item


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text of each object, which may go on over lines, with the line where it begins.

    A piece that is no JSON ends where a line begins with the next object.
    """
    line, counted = 1, 0
    start = _behind_space(text, 0)
    while start < len(text):
        end = _object_end(text, start)
        line += text.count("\n", counted, start)
        counted = start
        yield line, text[start:end].rstrip()
        start = _behind_space(text, end)


def _object_end(text: str, start: int) -> int:
    """Where the JSON value from `start` ends."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        after = _OBJECT_START.search(text, start + 1)
        return after.start() if after else len(text)


def _behind_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start
