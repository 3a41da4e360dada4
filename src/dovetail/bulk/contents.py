"""The content of an input from some place on, unpacked as it is read."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, cast

from dovetail.bulk.addresses import Input, system_of

READ_BYTES = 1 << 20

_FEED = 1 << 12
"""Packed bytes that are unpacked at once: little, since a few may become very many."""

_GZIP = 31
"""What zlib calls the format of gzip."""

BROKEN = (OSError, EOFError, zlib.error, ValueError)
"""What is raised while an input is opened or read that is damaged, or not there any more."""


@contextmanager
def opened(source: Input, offset: int = 0) -> Iterator[BinaryIO]:
    """The bytes of an input from this one on, counted in what is unpacked.

    To get there, all before it is unpacked where an input is packed.

    Raises:
        OSError: if it cannot be opened; others of `BROKEN` while it is read.
    """
    system, path = system_of(source.address)
    with ExitStack() as stack:
        raw = stack.enter_context(system.open(path, "rb"))
        if source.packing:
            file = stack.enter_context(_unpacked(raw, source.packing))
            _skip(file, offset)
        else:
            file = stack.enter_context(io.BufferedReader(raw, READ_BYTES))
            file.seek(offset)
        yield file


def _unpacked(raw: BinaryIO, packing: str) -> BinaryIO:
    if packing == "gzip":
        parts = _Unpacking(raw, lambda: zlib.decompressobj(_GZIP), zlib.error)
    else:
        import zstandard

        parts = _Unpacking(
            raw, lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError
        )
    return cast(BinaryIO, io.BufferedReader(parts, READ_BYTES))


class _Unpacking(io.RawIOBase):
    """Unpacks one part after another, gives all that is whole, and knows when an end is missing.

    Args:
        raw: the packed bytes.
        new: makes what unpacks a part, a member or a frame.
        failure: what that raises.
    """

    def __init__(self, raw: BinaryIO, new: Callable[[], Any], failure: type[Exception]) -> None:
        self._raw, self._new, self._failure = raw, new, failure
        self._part: Any = None
        self._packed = b""
        self._content = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._content:
            packed = self._packed or self._raw.read(_FEED)
            if not packed:
                if self._part is not None:
                    raise EOFError("the end of it is missing")
                return 0
            self._unpack(packed)
        count = min(len(buffer), len(self._content))
        buffer[:count] = self._content[:count]
        self._content = self._content[count:]
        return count

    def _unpack(self, packed: bytes) -> None:
        self._packed = b""
        if self._part is None:
            packed = packed.lstrip(b"\0")  # with which parts may be filled up
            self._part = self._new() if packed else None
        if self._part is None:
            return
        try:
            self._content = memoryview(self._part.decompress(packed))
        except self._failure as error:
            raise OSError(f"damaged: {error}") from error
        if self._part.eof:
            self._packed, self._part = self._part.unused_data, None


def _skip(file: BinaryIO, offset: int) -> None:
    while offset:
        block = file.read(min(offset, READ_BYTES))
        if not block:
            raise EOFError("it is shorter than it was")
        offset -= len(block)
