"""Corpora of JSON objects, read one by one, so that one that is broken costs no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dovetail.corpora.files import numbered_lines, parse_json, read_text
from dovetail.corpora.formats import Source
from dovetail.corpora.ledger import DOCUMENT
from dovetail.corpora.records import Record
from dovetail.errors import CorpusFormatError

Item = TypeVar("Item")


def read_json_lines(source: Source, read: Callable[[Record], Item]) -> list[Item]:
    """Read a document from each line; one that breaks the format is left out."""
    items = []
    for number, line in numbered_lines(read_text(source.path)):
        if line.strip():
            where = f"{source.path}:{number}"
            with source.faults.guard(DOCUMENT, f"{source.path.name}:{number}"):
                items.append(read(Record.of(parse_json(line, source.path, line=number), where)))
    return items


def read_json_array(source: Source, read: Callable[[Record], Item]) -> list[Item]:
    """Read a document from each item of an array; one that breaks the format is left out.

    Raises:
        CorpusFormatError: if the file is not an array with something in it.
    """
    array = parse_json(read_text(source.path), source.path)
    if not isinstance(array, list) or not array:
        raise CorpusFormatError(f"{source.path}: expected a JSON array with sentences in it")
    items = []
    for position, item in enumerate(array):
        where = f"{source.path}: item {position}"
        with source.faults.guard(DOCUMENT, f"item {position}"):
            items.append(read(Record.of(item, where)))
    return items
