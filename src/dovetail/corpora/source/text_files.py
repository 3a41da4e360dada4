"""Text out of files, with errors that say where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dovetail.corpora.source.json_text import parse_json
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.files.bounded import check_regular, read_bytes

__all__ = ["binary_head", "numbered_lines", "parse_json", "read_text"]

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
