"""A temporary file that has no name: written first, then read as memory, gone with the process."""

from __future__ import annotations

import mmap
import tempfile
import weakref
from functools import cached_property

from dovetail.errors import OutputError


class UnnamedFile:
    """What is written is mapped into memory when it is read; nothing can be written after that.

    The system keeps as much of it in memory as it has room for, and lets go of it where the room is
    needed.

    Args:
        holds: what is in it, for messages.
        remedy: what helps beside another folder where the disk is full.
    """

    def __init__(self, holds: str, *, remedy: str = "") -> None:
        self._holds, self._remedy = holds, remedy
        self._file = tempfile.TemporaryFile(prefix="dovetail-")  # noqa: SIM115 (lives as this does)
        weakref.finalize(self, self._file.close)
        self.size = 0

    def write(self, content: bytes | memoryview) -> None:
        """Write at the end.

        Raises:
            OutputError: if the disk is full, or the file cannot be written for another reason.
        """
        try:
            self._file.write(content)
        except OSError as error:
            raise self._failed(error) from error
        self.size += len(content)

    @cached_property
    def content(self) -> mmap.mmap:
        """All that was written; what is changed of it is changed in memory alone.

        Raises:
            OutputError: as `write` does, of what was not on the disk yet.
            ValueError: if nothing was written.
        """
        try:
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error
        return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self._holds} into {tempfile.gettempdir()} after {self.size / 1e9:.1f} "
            f"GB: {error.strerror}; set TMPDIR to a folder with room{self._remedy}"
        )
