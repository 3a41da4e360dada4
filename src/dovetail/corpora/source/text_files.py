"""Text out of files, with errors that say where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dovetail.corpora.source.json_text import parse_json
from dovetail.corpora.source.undecoded import UNDECODED, not_utf8
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.files.bounded import check_regular, read_bytes

__all__ = ["binary_head", "numbered_lines", "parse_json", "read_lenient", "read_text"]

MAX_CORPUS_BYTES = 1 << 32
"""Largest file of a corpus, in bytes; read as a whole, it takes several times as much memory."""

_SNIFFED_BYTES = 8192
_HEAD_BYTES = 256
_ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
PARQUET, ARROW_FILE, ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# A character beyond the first plane as two halves, three bytes each: Java and some databases do so.
_HALVES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")


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
    lenient = read_lenient(path, byte_order_mark=byte_order_mark, may_be_empty=may_be_empty)
    for fault in lenient.faults(path):
        raise CorpusFormatError(fault)
    return lenient.text


@dataclass(frozen=True, slots=True)
class Lenient:
    """A text in which each byte that is not UTF-8 is a character of its own (`undecoded`)."""

    text: str
    mended: int = 0
    """Characters that were written as two halves."""

    def faults(self, path: Path) -> Iterator[str]:
        """Yield a message for each line that has such a byte; it names the first of them."""
        seen, line, told = 0, 1, 0
        for match in UNDECODED.finditer(self.text):
            line += self.text.count("\n", seen, match.start())
            seen = match.start()
            if line > told:
                told = line
                yield not_utf8(f"{path}:{line}", match[0])


def read_lenient(
    path: Path, *, byte_order_mark: bool = False, may_be_empty: bool = False, mend: bool = False
) -> Lenient:
    """The text of a file that has bytes, here and there, that are not UTF-8.

    Args:
        path: the file.
        byte_order_mark: as for `read_text`.
        may_be_empty: as for `read_text`.
        mend: put together what can have one meaning only, a character in two halves.

    Raises:
        CorpusError: as `read_text`.
        CorpusFormatError: if it is empty, binary, or UTF-16.
    """
    content = read_content(path, may_be_empty=may_be_empty)
    mended = 0
    if mend:
        content, mended = _HALVES.subn(_joined_halves, content)
    encoding = "utf-8" if byte_order_mark else "utf-8-sig"
    try:
        return Lenient(content.decode(encoding), mended)
    except UnicodeDecodeError as error:
        if content.startswith(_UTF16):
            raise CorpusFormatError(
                f"{path}:1: byte {content[:1]!r} is not UTF-8; convert the file first, as: "
                f"iconv -f UTF-16 -t UTF-8"
            ) from error
        if b"\0" in content[:_SNIFFED_BYTES]:
            raise CorpusFormatError(f"{path} is a binary file; expected text in UTF-8") from error
    return Lenient(content.decode(encoding, "surrogateescape"), mended)


def _joined_halves(match: re.Match[bytes]) -> bytes:
    halves = match[0].decode("utf-8", "surrogatepass")
    return halves.encode("utf-16", "surrogatepass").decode("utf-16").encode()


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
