"""What `dovetail extract` reads: texts from arguments, files and standard input, and corpora."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.bounded import check_regular, json_value

if TYPE_CHECKING:
    from dovetail.document import Document
    from dovetail.tokenization import Tokenizer

FILE_SUFFIXES = (".txt", ".jsonl", ".json", ".ann", ".md", ".csv", ".tsv", ".conll")
"""A name that ends so is a file even where there is none: a text would hardly end like that."""


def documents_of(sources: Iterable[str], tokenizer: Tokenizer) -> Iterator[Document]:
    """The documents of the command line's arguments, one after another.

    An argument that names a file is read, whatever else it may be, and names its document:
    ``.jsonl`` has a document in each line; ``.json``, a folder, and ``.jsonl`` with tokens are a
    corpus that keeps its own tokens; any other file is one document.  ``-`` is standard input, a
    document a line.

    Raises:
        CorpusError: if a file is missing or cannot be read.
    """
    from dovetail.corpora.files import read_text

    for source in sources:
        path = Path(source)
        if source == "-":
            yield from (tokenizer.document(text) for text in texts_of_stream(sys.stdin.buffer))
        elif not source or not names_file(path):  # an empty path would be the working directory
            yield tokenizer.document(text_of_argument(source))
        elif path.suffix == ".json" or path.is_dir() or has_tokens(path):
            yield from corpus_documents(path, language=tokenizer.language)
        elif path.suffix == ".jsonl":
            yield from (tokenizer.document(text, id) for id, text in texts_of_lines(path))
        else:
            yield tokenizer.document(read_text(path, may_be_empty=True), path.name)


def names_file(path: Path) -> bool:
    """Whether an argument is a file or folder that exists, or can only be meant as one."""
    try:
        return path.exists() or path.suffix in FILE_SUFFIXES
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False


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


def documents_of_corpora(
    sources: Iterable[str], format: str | None, language: str
) -> Iterator[Document]:
    """The documents of arguments that all name corpora.

    Raises:
        CorpusError: if one is standard input, is missing or cannot be read.
    """
    from dovetail.errors import CorpusError

    for source in sources:
        if source in ("", "-"):
            raise CorpusError("a corpus is read from a file or folder; name one")
        yield from corpus_documents(Path(source), format, language=language)


def corpus_documents(
    path: Path, format: str | None = None, *, language: str = "en"
) -> tuple[Document, ...]:
    """The documents of a corpus, with its own sentences and tokens."""
    from dovetail.corpora import read_corpus

    return read_corpus(path, format=format, language=language).documents


def texts_of_stream(stream: Iterable[bytes]) -> Iterator[str]:
    """The lines of standard input, which are UTF-8 whatever the locale is.

    Raises:
        CorpusError: naming the line that is not.
    """
    from dovetail.errors import CorpusError

    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"line {number} of standard input is not UTF-8 text: {error}"
            ) from error


def texts_of_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The fields "id" (or nothing) and "text" of every line of a JSON-lines file.

    Raises:
        CorpusFormatError: naming the line that has no text, or is not UTF-8.
    """
    from dovetail.errors import CorpusError, CorpusFormatError

    try:
        check_regular(path)
        lines = path.open("rb")
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    with lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = json_value(line.decode("utf-8-sig"))
                text, id = record["text"], record.get("id", "")
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise CorpusFormatError(
                    f'{path}:{number}: expected a JSON object with a "text": {error!r}'
                ) from error
            if not isinstance(text, str):
                raise CorpusFormatError(f'{path}:{number}: "text" is {text!r}, expected a string')
            yield str(id), text
