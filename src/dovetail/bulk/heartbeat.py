"""What a worker is at, in memory that it shares with whoever waits for it.

It can be read when the worker is dead, and to write it costs next to nothing.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from typing import NamedTuple, Self

_LAYOUT = struct.Struct("=qqqq")


class Beat(NamedTuple):
    """A sign of life: its number, the first and the last document at work, the bytes done."""

    sign: int
    first: int
    last: int
    size: int


class Heartbeat:
    """The place of the last sign of life, for two processes."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _LAYOUT.size)

    @classmethod
    def new(cls) -> tuple[Self, int]:
        """A place of its own, and its descriptor, which another process inherits."""
        with tempfile.TemporaryFile() as file:
            file.truncate(_LAYOUT.size)
            return cls(file.fileno()), os.dup(file.fileno())

    @property
    def last(self) -> Beat:
        """What was told last."""
        return Beat(*_LAYOUT.unpack_from(self._memory))

    def tell(self, first: int, last: int, size: int) -> None:
        """Tell what is worked on."""
        _LAYOUT.pack_into(self._memory, 0, self.last.sign + 1, first, last, size)

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
