"""The items that an estimator is given, as documents: texts with annotations in any known form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dovetail.corpora import read_corpus
from dovetail.corpora.formats.native.native_writer import line_from_document
from dovetail.errors import CorpusError
from dovetail.files.writing import write_text
from dovetail.text.document import Document
from dovetail.text.extraction import Extraction
from dovetail.text.reading import Reading

FORMAT = "dovetail"

_EXPECTED = "a Document, an Extraction, or a mapping with a text and its entities and relations"


def listed(items: Any, name: str) -> list[Any]:
    """The items of a list, a column or an array of one dimension.

    Raises:
        TypeError: if it is a single text, a mapping, a table, or nothing that has items.
    """
    if hasattr(items, "tocsr"):
        raise TypeError(f"expected {name} as a list of items, found a sparse matrix")
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        raise TypeError(f"expected {name} as a list of items, found {type(items).__name__}")
    if hasattr(items, "columns"):
        raise TypeError(
            f"expected {name} as a list of items, found a table ({type(items).__name__}); give one "
            f"of its columns"
        )
    return list(items)


def annotated_lines(given: Any, answers: Any = None) -> list[str]:
    """Documents as lines of Dovetail's own format; texts take their annotations from the answers.

    Args:
        given: what scikit-learn calls X.
        answers: what it calls y.

    Raises:
        TypeError: if an item is nothing that has annotations.
        ValueError: if there are more or fewer answers, or one is of another text.
    """
    items = listed(given, "X")
    found: Sequence[Any] = [None] * len(items) if answers is None else listed(answers, "y")
    if len(items) != len(found):
        raise ValueError(f"X has {len(items)} items and y {len(found)}; expected as many")
    return [
        json.dumps(_line(item, answer, number))
        for number, (item, answer) in enumerate(zip(items, found, strict=True))
    ]


def _line(item: Any, answer: Any, number: int) -> dict[str, Any]:
    """An item with its annotations, as a JSON object."""
    if not isinstance(item, str):
        if answer is not None:
            raise TypeError(
                f"item {number}, counted from 0: only texts take annotations from y, and X has a "
                f"{type(item).__name__}; leave y out"
            )
        return _values(item, f"item {number} of X, counted from 0", _EXPECTED)
    place = f"item {number} of y, counted from 0"
    values = _values(answer, place, f"the annotations of the text: {_EXPECTED}")
    if isinstance(answer, Mapping):
        if "tokens" in values:
            raise ValueError(f"{place}: expected annotations by characters, found those of tokens")
        values = {"text": item, **values}
    text = answer.text if isinstance(answer, Document | Extraction) else values["text"]
    if text != item:
        raise ValueError(f"{place}: annotations of another text than item {number} of X")
    return values


def _values(item: Any, place: str, expected: str) -> dict[str, Any]:
    match item:
        case Document():
            return line_from_document(item)
        case Extraction():
            return item.to_dict()
        case Mapping():
            return dict(item)
        case _:
            raise TypeError(f"{place}: expected {expected}; found {type(item).__name__}")


def write_lines(lines: Sequence[str], path: Path) -> Path:
    """Write a corpus file."""
    write_text(path, "".join(f"{line}\n" for line in lines))
    return path


def documents_of_lines(lines: Sequence[str], reading: Reading) -> list[Document]:
    """Read the lines as a corpus file is read.

    Raises:
        CorpusError: if an annotation is broken; names the item.
    """
    if not lines:
        return []
    with TemporaryDirectory(prefix="dovetail-") as folder:
        path = write_lines(lines, Path(folder) / "items.jsonl")
        with item_in_errors(path):
            return list(read_corpus(path, format=FORMAT, reading=reading).documents)


@contextmanager
def item_in_errors(path: Path) -> Iterator[None]:
    """Have errors name an item where they name a line of a file that the user never saw."""
    line = re.compile(rf"{re.escape(str(path))}(?::(\d+))?")
    try:
        yield
    except CorpusError as error:
        raise CorpusError(line.sub(_named, str(error))) from error


def _named(found: re.Match[str]) -> str:
    return "the items" if found[1] is None else f"item {int(found[1]) - 1}, counted from 0"
