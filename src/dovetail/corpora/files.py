"""Files on disk: text out of them with errors that say where, and text into them at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from dovetail.bounded import check_regular, json_value, read_bytes
from dovetail.errors import CorpusError, CorpusFormatError

MAX_CORPUS_BYTES = 1 << 32
"""What one file of a corpus may have; read as a whole, it takes several times as much memory."""

_SNIFFED_BYTES = 8192
_HEAD_BYTES = 256
_ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
PARQUET, ARROW_FILE, ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"


def read_text(path: Path, *, byte_order_mark: bool = False, may_be_empty: bool = False) -> str:
    """The text of a UTF-8 file, its line breaks as they are.

    Args:
        path: the file.
        byte_order_mark: keep a leading one as a character, for formats that count characters.
        may_be_empty: accept a file without content.

    Raises:
        CorpusError: if there is no such file, it cannot be opened, is no regular file, or has more
            than `MAX_CORPUS_BYTES`.
        CorpusFormatError: if it is empty, binary, or not UTF-8.
    """
    content = read_content(path, may_be_empty=may_be_empty)
    try:
        return content.decode("utf-8" if byte_order_mark else "utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in content[:_SNIFFED_BYTES] and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            raise CorpusFormatError(f"{path} is a binary file; expected text in UTF-8") from error
        line = content.count(b"\n", 0, error.start) + 1
        encoding = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "LATIN1"
        raise CorpusFormatError(
            f"{path}:{line}: byte {content[error.start : error.start + 1]!r} is not UTF-8; "
            f"convert the file first, as: iconv -f {encoding} -t UTF-8"
        ) from error


def read_content(path: Path, *, may_be_empty: bool = False) -> bytes:
    """The bytes of a file of a corpus.

    Raises:
        CorpusError: if there is no such file, it cannot be opened, is no regular file, or has more
            than `MAX_CORPUS_BYTES`.
        CorpusFormatError: if it is empty.
    """
    try:
        content = read_bytes(path, at_most=MAX_CORPUS_BYTES)
    except IsADirectoryError as error:
        raise CorpusError(
            f"{path} is a directory; name a file in it, or a folder of brat files (.txt and .ann)"
        ) from error
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    if not may_be_empty and not content.strip():
        raise CorpusFormatError(f"{path} is empty; expected a corpus")
    return content


def binary_head(path: Path) -> bytes:
    """The first bytes of a file in one of the binary forms that corpora come in; else none."""
    try:
        check_regular(path)  # opening a FIFO would wait for a writer
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return b""
    return head if head.startswith((*_ZLIB, PARQUET, ARROW_FILE, ARROW_STREAM)) else b""


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""The lines with their numbers, from 1.

    Only ``\n`` and ``\r\n`` break lines: the Unicode line separators that `str.splitlines` also
    knows may stand inside a token.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.removesuffix("\r")


def parse_json(text: str, path: Path, *, line: int = 1) -> Any:
    """Parse a JSON value that starts at the given line of a file.

    Raises:
        CorpusFormatError: if it is not JSON, with the line of the first error.
    """
    try:
        return json_value(text)
    except json.JSONDecodeError as error:
        raise CorpusFormatError(
            f"{path}:{line + error.lineno - 1}: malformed JSON at column {error.colno}: "
            f"{error.msg}; repair the line, or write the file with a JSON library"
        ) from error
    except ValueError as error:
        raise CorpusFormatError(f"{path}:{line}: JSON that cannot be read: {error}") from error


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn what can go wrong while `path` is written into a `CorpusError` that names it."""
    try:
        yield
    except OSError as error:
        raise CorpusError(f"{path} cannot be written: {error.strerror}") from error
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"{path} cannot be written: a text holds half a surrogate pair"
        ) from error


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """The path of a file beside `path`, for a library to write; then it takes its place.

    Raises:
        CorpusError: if the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name[:100]}.{os.getpid()}.unfinished")
    try:
        with write_errors(path):
            yield unfinished
            unfinished.replace(path)
    finally:
        with suppress(OSError):  # it is gone unless something failed
            unfinished.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, content: str) -> Iterator[Path]:
    """A folder to write in, which appears at once where there is nothing or an empty one.

    Args:
        path: the folder.
        content: what will be in it, for the message.

    Raises:
        CorpusError: if there is something at the path, or it cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CorpusError(f"{path} exists; name a new folder for {content}")
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with write_errors(path):
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            yield unfinished
            unfinished.replace(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # it is gone unless something failed


@contextmanager
def open_atomically(path: Path) -> Iterator[TextIO]:
    """Open a file for writing: whoever reads it sees the old content or all of the new.

    Raises:
        CorpusError: if the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name[:100]}.{os.getpid()}.unfinished")
    try:
        with write_errors(path):
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
    finally:
        with suppress(OSError):  # it is gone unless something failed
            unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole file as `open_atomically` does."""
    with open_atomically(path) as file:
        file.write(text)
