"""Compressed files and archives, unpacked where nobody has to look: messages name the originals.

What a file is shows in its first bytes, not in its name.  Sizes are bounded while they are
unpacked, no name of a member leads out of the folder, and what is neither a file nor a folder is
left out.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, cast

from dovetail.errors import CorpusError

MOST_BYTES = 2 * 2**30
MOST_MEMBERS = 200_000

_CHUNK_BYTES = 2**20
_TAR_MAGIC_AT = 257


def _gunzip(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path))


_STREAMS: Mapping[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": _gunzip,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_ZIP = b"PK\x03\x04"
_BROKEN = (
    *(EOFError, OSError, RuntimeError, NotImplementedError, ValueError, zlib.error),
    *(lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
)


class Unpacking:
    """Opens compressed files and archives for as long as the context lasts.

    Args:
        most_bytes: what all that is unpacked may take together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._left = most_bytes
        self._most = most_bytes
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._shown: list[tuple[str, str]] = []

    def __enter__(self) -> Unpacking:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()
        if isinstance(error, CorpusError) and self._shown:
            raise type(error)(self.shown(str(error))) from error

    def shown(self, text: str) -> str:
        """A text with the places of unpacked files named as the user knows them."""
        for place, name in reversed(self._shown):
            if place in text:
                text = text.replace(place, name)
        return text

    def open(self, path: Path) -> Path:
        """The path itself, or the file or the folder that was unpacked from it.

        Raises:
            CorpusError: if it is broken, encrypted or too large, or a name leads out of it.
        """
        if not path.is_file():
            return path
        try:
            with path.open("rb") as file:
                magic = file.read(8)
        except OSError:
            return path  # said by who reads it
        stream = next(
            (opens for begins, opens in _STREAMS.items() if magic.startswith(begins)), None
        )
        try:
            if magic.startswith(_ZIP):
                return self._archive(path, _members_of_zip)
            if _is_tar(path, stream):
                return self._archive(path, _members_of_tar)
            if stream is not None:
                return self._stream(path, stream)
        except _BROKEN as error:
            raise CorpusError(
                f"{path} cannot be unpacked: {error or type(error).__name__}; unpack it by hand"
            ) from error
        return path

    def _new_folder(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="dovetail-")
        folder = Path(self._folder.name).resolve() / str(len(self._shown))
        folder.mkdir()
        return folder

    def _stream(self, path: Path, opens: Callable[[Path], IO[bytes]]) -> Path:
        target = self._new_folder() / (path.stem or path.name)
        self._shown.append((str(target), self.shown(str(path))))
        with opens(path) as stream:
            self._copy(stream, target, path)
        return target

    def _archive(self, path: Path, members: Callable[[Path], _Members]) -> Path:
        folder = self._new_folder()
        self._shown.append((str(folder), self.shown(str(path))))
        with members(path) as listed:
            for number, (name, stream) in enumerate(listed):
                if number == MOST_MEMBERS:
                    raise CorpusError(f"{path} has more than {MOST_MEMBERS:,} files; unpack it")
                parts = PurePosixPath(name).parts
                if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
                    raise CorpusError(
                        f"{path}: the name {name[:100]!r} leads out of the archive; expected names "
                        f"of files in it"
                    )
                target = folder.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with stream:
                    self._copy(stream, target, path)
        return folder

    def _copy(self, stream: IO[bytes], target: Path, path: Path) -> None:
        with target.open("wb") as file:
            while chunk := stream.read(_CHUNK_BYTES):
                self._left -= len(chunk)
                if self._left < 0:
                    raise CorpusError(
                        f"{path} holds more than {self._most:,} bytes; unpack it by hand, and name "
                        f"the file that is meant"
                    )
                file.write(chunk)


_Members = AbstractContextManager[Generator[tuple[str, IO[bytes]], None, None]]


def _is_tar(path: Path, opens: Callable[[Path], IO[bytes]] | None) -> bool:
    with path.open("rb") if opens is None else opens(path) as stream:
        return stream.read(_TAR_MAGIC_AT + 5)[_TAR_MAGIC_AT:] == b"ustar"


def _members_of_zip(path: Path) -> _Members:
    def members() -> Generator[tuple[str, IO[bytes]], None, None]:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    yield member.filename, archive.open(member)

    return closing(members())


def _members_of_tar(path: Path) -> _Members:
    def members() -> Generator[tuple[str, IO[bytes]], None, None]:
        with tarfile.open(path) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    yield member.name, stream

    return closing(members())
