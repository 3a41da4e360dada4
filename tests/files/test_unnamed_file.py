"""A temporary file without a name: as large as the disk allows, whatever memory there is."""

from __future__ import annotations

import mmap
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dovetail.errors import OutputError
from dovetail.files.unnamed_file import UnnamedFile


def test_what_is_written_is_read_as_memory() -> None:
    file = UnnamedFile("numbers")
    file.write(b"one")
    file.write(memoryview(b"two"))
    assert file.size == 6
    assert file.content[:] == b"onetwo"


def test_more_than_memory_holds_can_be_read() -> None:
    """A file with a hole of four terabytes in it, of which nothing is on the disk."""
    file = UnnamedFile("numbers")
    file.write(b"begin")
    os.truncate(file._file.fileno(), 1 << 42)
    assert file.content[:5] == b"begin"
    assert file.content[-1] == 0
    assert memoryview(file.content).readonly is False


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may be larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(file: UnnamedFile) -> mmap.mmap:
    for _ in range(100):
        file.write(b"0" * 1000)
    return file.content


def test_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = UnnamedFile("numbers", remedy=", or write less")
    message = re.escape(f"cannot write numbers into {tmp_path} after ")
    with room_for(10_000), pytest.raises(OutputError, match=f"{message}.*, or write less$"):
        fill(file)
    del file  # without a word, though something is left to be written


def test_temporary_folder_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match=r"TMPDIR is .*nowhere, and there is no such folder"):
        UnnamedFile("numbers")
