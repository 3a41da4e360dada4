"""The inputs of `dovetail extract`: texts from arguments, files and standard input, and corpora."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.files.bounded import check_regular, json_value
from dovetail.text.reading import Reading

if TYPE_CHECKING:
    from dovetail.text.document import Document
    from dovetail.text.tokenization import Tokenizer

FILE_SUFFIXES = (".txt", ".jsonl", ".json", ".ann", ".md", ".csv", ".tsv", ".conll")
"""A name that ends so is a file even where there is none: a text would hardly end like that."""

_WHOLE = ("document", "sentence", "line", "row", "file")
"""Items of a corpus that hold text: nothing is extracted from one that is left out."""

STANDOFF = (".txt", ".ann")
"""The two files of a document of brat."""


@dataclass(frozen=True, slots=True)
class BadItem:
    """An item that cannot be read: where it stands, its index in the input from 0, and why not."""

    place: str
    index: int
    message: str


Drop = Callable[[BadItem], None]
"""Called with an item that is left out."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A text, or a corpus, that is read when its turn comes."""

    place: str
    read: Callable[[], Sequence[Document]]
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Places and faults of what a corpus left out when it was read."""


def documents_of(
    sources: Iterable[str], tokenizer: Tokenizer, reading: Reading, *, drop: Drop | None = None
) -> Iterator[Document]:
    """The documents of the command line's arguments, one after another.

    An argument that names a file is read, whatever else it may be, and names its document:
    ``.jsonl`` has a document in each line; ``.json``, a folder, and ``.jsonl`` with tokens are a
    corpus that keeps its own tokens; any other file is one document.  ``-`` is standard input, a
    document a line.

    Args:
        sources: the arguments.
        tokenizer: cuts texts.
        reading: how corpora are read.
        drop: called with what cannot be read, which is then left out.

    Raises:
        CorpusError: if there is no `drop`, and a file is missing, or something cannot be read.
    """
    return _documents(_items(sources, tokenizer, reading), drop)


def documents_of_corpora(
    sources: Iterable[str], format: str | None, reading: Reading, *, drop: Drop | None = None
) -> Iterator[Document]:
    """The documents of arguments that all name corpora.

    Raises:
        CorpusError: if one is standard input, or if there is no `drop`, and one is missing or
            cannot be read.
    """
    for source in sources:
        if source in ("", "-"):
            raise CorpusError("a corpus is read from a file or folder; name one")
    return _documents((_corpus(Path(source), format, reading) for source in sources), drop)


def _documents(items: Iterable[_Item], drop: Drop | None) -> Iterator[Document]:
    index = 0
    for item in items:
        try:
            documents = item.read()
        except CorpusError as error:
            if drop is None:
                error.add_note(f"It is item {index} of the input, counted from 0.")
                raise
            drop(BadItem(item.place, index, str(error)))
            index += 1
            continue
        for place, message in item.broken:
            if drop is not None:
                drop(BadItem(place, index, message))
            index += 1
        yield from documents
        index += len(documents)


def _items(sources: Iterable[str], tokenizer: Tokenizer, reading: Reading) -> Iterator[_Item]:
    for source in sources:
        path = Path(source)
        if source == "-":
            for number, line in enumerate(standard_input(), start=1):
                place = f"line {number} of standard input"
                yield _Item(place, partial(_document_of_line, line, place, tokenizer))
        elif not source or not names_file(path):  # an empty path would be the working directory
            text = text_of_argument(source)
            place = f"the text {text[:40]!r}"
            yield _Item(place, partial(_document, text, "", place, tokenizer))
        elif path.suffix == ".json" or path.is_dir() or has_tokens(path):
            yield _corpus(path, None, reading)
        elif path.suffix == ".jsonl":
            yield from _items_of_lines(path, tokenizer)
        else:
            yield _Item(source, partial(_document_of_file, path, tokenizer))


def names_file(path: Path) -> bool:
    """Whether an argument is a file or folder that exists, or can only be meant as one."""
    try:
        return path.exists() or path.suffix in FILE_SUFFIXES
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False


def files_read(sources: Iterable[str], output: Path) -> Iterator[Path]:
    """The files behind the arguments, as far as `output` may be one of them."""
    for source in sources:
        path = Path("/dev/stdin" if source == "-" else source)
        if source and names_file(path):
            yield path
            if output.suffix in STANDOFF:
                yield path / output.name if path.is_dir() else path.with_suffix(output.suffix)


def text_of_argument(argument: str) -> str:
    """An argument as UTF-8: in a locale without it, Python hands its bytes on as surrogates."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument  # what is wrong with it is said where it is cut into words


def has_tokens(path: Path) -> bool:
    """Whether a JSON-lines file starts as a corpus does: with a header, or with tokens."""
    if path.suffix != ".jsonl":
        return False
    try:
        check_regular(path)
        with path.open("rb") as lines:
            record = json_value(next(lines, b"").removeprefix(codecs.BOM_UTF8).decode("utf-8"))
    except (OSError, ValueError):
        return False  # said by who reads it
    if not isinstance(record, dict) or ("text" in record and "sentences" not in record):
        return False
    return any(name in record for name in ("format", "tokens", "sentence", "sentences"))


def _corpus(path: Path, format: str | None, reading: Reading) -> _Item:
    """The documents of a corpus, with its own sentences and tokens if it has any."""
    from dovetail.corpora import read_corpus

    broken: list[tuple[str, str]] = []

    def read() -> tuple[Document, ...]:
        corpus = read_corpus(path, format=format, reading=reading)
        lost = (item for item in corpus.ledger.drops if item.kind in _WHOLE)
        broken.extend((f"{path}: {item.document_id}", str(item)) for item in lost)
        return corpus.documents

    return _Item(str(path), read, broken)


def standard_input() -> Iterator[bytes]:
    """The lines of standard input.

    Raises:
        CorpusError: if it is closed, or cannot be read.
    """
    if sys.stdin is None:
        raise CorpusError("standard input is closed; name a text or a file to extract from")
    try:
        yield from sys.stdin.buffer
    except (OSError, ValueError) as error:
        raise CorpusError(f"standard input cannot be read: {error}") from error


def _document(text: str, id: str, place: str, tokenizer: Tokenizer) -> tuple[Document, ...]:
    try:
        return (tokenizer.document(text, id),)
    except CorpusError as error:
        raise CorpusError(f"{place}: {error}") from error


def _document_of_line(line: bytes, place: str, tokenizer: Tokenizer) -> tuple[Document, ...]:
    """A line of standard input, which is UTF-8 whatever the locale is."""
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{place} is not UTF-8 text: {error}") from error
    return _document(text, "", place, tokenizer)


def _document_of_file(path: Path, tokenizer: Tokenizer) -> tuple[Document, ...]:
    from dovetail.corpora.source.text_files import read_text

    return _document(read_text(path, may_be_empty=True), path.name, str(path), tokenizer)


def _items_of_lines(path: Path, tokenizer: Tokenizer) -> Iterator[_Item]:
    """The lines of a JSON-lines file that are not blank, or the file where it cannot be opened."""
    try:
        check_regular(path)
        lines = path.open("rb")
    except OSError as error:
        yield _Item(str(path), partial(_fail, f"{path} cannot be read: {error.strerror}"))
        return
    with lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                read = partial(_document_of_record, line, path, number, tokenizer)
                yield _Item(f"{path}:{number}", read)


def _document_of_record(
    line: bytes, path: Path, number: int, tokenizer: Tokenizer
) -> tuple[Document, ...]:
    """The document in a line: its "id", if it has one, and its "text"."""
    from dovetail.corpora.source.json_records import Record
    from dovetail.corpora.source.text_files import parse_json

    place = f"{path}:{number}"
    try:
        content = line.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusFormatError(f"{place}: not UTF-8 text: {error}") from error
    record = Record.of(parse_json(content, path, line=number), place)
    return _document(record.string("text"), record.identifier("id"), place, tokenizer)


def _fail(message: str) -> Sequence[Document]:
    raise CorpusError(message)
