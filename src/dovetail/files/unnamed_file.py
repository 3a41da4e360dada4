"""A temporary file that has no name: written first, then read as memory, gone with the process."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO

from dovetail.errors import OutputError


class UnnamedFile:
    """What is written is mapped into memory when it is read; nothing is written after that.

    The system keeps as much of it in memory as it has room for, and lets go of it where the room is
    needed.

    Args:
        holds: what is in it, for messages.
        remedy: what helps beside another folder where the disk is full.

    Raises:
        OutputError: if there is no folder for it.
    """

    def __init__(self, holds: str, *, remedy: str = "") -> None:
        self._holds, self._remedy = holds, remedy
        named = os.environ.get("TMPDIR")
        if named and not Path(named).is_dir():  # another folder may be on a disk without room
            raise OutputError(f"TMPDIR is {named}, and there is no such folder: make it")
        self._file = tempfile.TemporaryFile(prefix="dovetail-")  # noqa: SIM115 (lives as this does)
        weakref.finalize(self, _close, self._file)
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
        """All that was written.

        Raises:
            OutputError: as `write` does, of what was not on the disk yet.
            ValueError: if nothing was written.
        """
        try:
            self._file.flush()
            # Writable, which tensors over it have to be, and shared with the file: for copies of
            # what may be changed the system would want as much memory as the file is large.
            return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_WRITE)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self._holds} into {tempfile.gettempdir()} after {self.size / 1e9:.1f} "
            f"GB: {error.strerror}; set TMPDIR to a folder with room{self._remedy}"
        )


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # of what a full disk could not take has been told
        file.close()
