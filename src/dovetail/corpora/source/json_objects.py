"""Files of JSON objects: one array, an object a line, or objects one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import DOCUMENT
from dovetail.corpora.source.json_records import Record
from dovetail.corpora.source.json_text import json_values
from dovetail.errors import CorpusFormatError

Read = TypeVar("Read")


def read_each(
    source: Source, read: Callable[[Record], Read | None], text: str | None = None
) -> list[Read]:
    """Read every object of a file; one that breaks the format is a fault of the source.

    `read` gives None for an object that it has dropped; `text` is that of the file, if it is known.

    Raises:
        CorpusFormatError: if the file has no object in it.
    """
    found: list[Read] = []
    objects = 0
    for value in json_values(source.text() if text is None else text, source.path):
        objects += 1
        with source.faults.guard(DOCUMENT, value.where.rsplit("/", 1)[-1]):
            item = read(value.record())
            if item is not None:
                found.append(item)
    if not objects:
        raise CorpusFormatError(f"{source.path}: expected JSON objects, found none")
    return found
