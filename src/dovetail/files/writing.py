"""The one way in which files are written: at once, and whole.

Whoever reads a file sees its old content or all of the new, also when the disk fills up or the
process is killed.  What is no plain file (a FIFO, a device, ``/dev/stdout``) cannot be replaced and
is written through; a symbolic link stays one, and its target is replaced.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from dovetail.errors import OutputError

_DESCRIPTORS = ("/dev/fd", "/proc/self/fd")
_MOST_LINKS = 40
_NAME_BYTES = 100  # of the 255 that a name may have


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn what can go wrong while `path` is written into an `OutputError` that names it."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise OutputError(
            f"{path} cannot be written: a text holds half a surrogate pair"
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and those that it lies in, unless it is there.

    Raises:
        OutputError: if that is not possible.
    """
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def open_atomically(path: Path) -> Iterator[TextIO]:
    """Open a file for text that takes the place of the old one when all is written.

    Raises:
        OutputError: if the file cannot be written; the old one is as it was.
    """
    with output_errors(path):
        descriptor = _opened_through(path)
        if descriptor is not None:
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                yield file
            return
        with replaced(path) as new, new.open("w", encoding="utf-8", newline="") as file:
            yield file


def write_text(path: Path, text: str) -> None:
    """Write a whole file as `open_atomically` does."""
    with open_atomically(path) as file:
        file.write(text)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """The path of an empty file beside `path`, for a library to write; then it takes its place.

    Raises:
        OutputError: if that cannot be written.
    """
    with output_errors(path):
        if not is_plain(path):
            yield path
            return
        replacement = _Replacement(path)
        try:
            yield replacement.path
            replacement.take_place()
        finally:
            replacement.discard()


class Lines:
    """An open file that takes lines one at a time; each is in the file when `write` is back."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.count = 0  # lines that the file holds, without its heading
        self.size = 0  # bytes of whole lines, with the heading
        self._descriptor = descriptor

    def write(self, line: str) -> None:
        """Write one line, which ends in a line break.

        Raises:
            OutputError: if the disk is full, or nobody reads any more.
        """
        self.write_heading(line)
        self.count += 1

    def write_heading(self, line: str) -> None:
        """Write a line that is not counted."""
        with output_errors(self.path):
            content = line.encode()
            rest = memoryview(content)
            while rest := rest[os.write(self._descriptor, rest) :]:
                pass
        self.size += len(content)


@contextmanager
def open_lines(path: Path) -> Iterator[Lines]:
    """Open a file for results that are worth having even if the work ends early.

    They go to a file beside it, ``.NAME.….unfinished``, line by line, and that takes its place at
    the end, or when anything is raised: then with all lines that are whole.  If there are none, the
    old file stays.

    Raises:
        OutputError: if the file cannot be written.
    """
    with output_errors(path):
        descriptor = _opened_through(path)
    if descriptor is not None:
        try:
            yield Lines(path, descriptor)
        finally:
            os.close(descriptor)
        return
    with output_errors(path):
        replacement = _Replacement(path)
        descriptor = os.open(replacement.path, os.O_WRONLY)
    lines = Lines(path, descriptor)
    try:
        yield lines
    except BaseException:
        if lines.count:
            with output_errors(path):
                os.truncate(descriptor, lines.size)
                replacement.take_place()
        raise
    else:
        with output_errors(path):
            replacement.take_place()
    finally:
        os.close(descriptor)
        replacement.discard()


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder to write in, which takes the place of `folder` when all is written.

    The old one is there until then; nothing in it stays.

    Raises:
        OutputError: if it cannot be written.
    """
    target = Path(os.path.realpath(folder))
    unfinished, old = (target.with_name(f".{target.name}.{word}") for word in ("unfinished", "old"))
    try:
        with output_errors(folder):
            _restore(old, target)  # of a process that was killed between the two
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            yield unfinished
            for path in unfinished.rglob("*"):
                _synchronise(path)
            if target.is_dir():
                target.rename(old)
            unfinished.rename(target)
            _synchronise(target.parent)
    finally:
        _restore(old, target)
        shutil.rmtree(unfinished, ignore_errors=True)  # it is gone unless something failed


def _restore(old: Path, target: Path) -> None:
    """Put an old folder back where nothing took its place, and else remove it."""
    if old.is_dir() and not target.exists():
        with suppress(OSError):
            old.rename(target)
    shutil.rmtree(old, ignore_errors=True)


class _Replacement:
    """An unfinished file beside a plain one, or where there will be one."""

    def __init__(self, path: Path) -> None:
        self.target = Path(os.path.realpath(path))
        name = os.fsdecode(os.fsencode(self.target.name)[:_NAME_BYTES])
        self.path = self.target.with_name(f".{name}.{token_hex(4)}.unfinished")
        self._old = self.target.stat() if self.target.exists() else None
        if self._old is not None and not os.access(self.target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        # Nobody may read the new content who must not read the old.
        mode = 0o666 if self._old is None else 0o600
        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        self._mode = stat.S_IMODE((self._old or self.path.stat()).st_mode)

    def take_place(self) -> None:
        """Put the file in the place of the old one, with its owner and its mode."""
        _synchronise(self.path)
        if self._old is not None:
            with suppress(PermissionError):  # then it is ours, as any new file is
                os.chown(self.path, self._old.st_uid, self._old.st_gid)
        os.chmod(self.path, self._mode)
        self.path.replace(self.target)
        _synchronise(self.target.parent)

    def discard(self) -> None:
        """Remove the file, unless it is in its place."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file that grows, and have it on the disk.

    Raises:
        OutputError: if it cannot be written.
    """
    with output_errors(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def put_in_place(source: Path, target: Path) -> None:
    """Move a file or a folder, written beside it, into the place of another.

    Raises:
        OutputError: if that is not possible.
    """
    with output_errors(target):
        for path in (source, *source.rglob("*")):
            _synchronise(path)
        if target.is_dir():
            shutil.rmtree(target)
        source.replace(target)
        _synchronise(target.parent)


def _synchronise(path: Path) -> None:
    """Wait until a file, or what a folder says of its files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot be asked
            raise
    finally:
        os.close(descriptor)


def is_plain(path: Path) -> bool:
    """Whether `path` is a file, or free for one: neither a FIFO nor a device nor an open stream.

    Raises:
        OSError: if it is a folder, or cannot be looked at.
    """
    if _own_descriptor(path) is not None:
        return False
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return stat.S_ISREG(mode)


def _opened_through(path: Path) -> int | None:
    """An open descriptor of what is no plain file; None if it is one."""
    descriptor = _own_descriptor(path)
    if descriptor is not None:
        return os.dup(descriptor)  # so that it goes on where the stream is, and closes alone
    return None if is_plain(path) else os.open(path, os.O_WRONLY)


def _own_descriptor(path: Path) -> int | None:
    """The open stream of this process that a path names, as /dev/stdout and /dev/fd/3 do."""
    folders = {os.path.realpath(folder) for folder in _DESCRIPTORS}
    for _ in range(_MOST_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in folders:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None
