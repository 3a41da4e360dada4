"""The inputs by their addresses: paths, globs, folders, archives, and all that fsspec knows.

What a name ends in says what an input holds and how it is packed.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dovetail.bulk.options import Kind
from dovetail.errors import CorpusError, DovetailError, MissingExtraError

PACKINGS = {".gz": "gzip", ".zst": "zstd"}
ARCHIVES = {".zip": "zip", ".tar": "tar"}
KINDS: dict[str, Kind] = {
    ".txt": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".wet": "wet",
}
_MAGIC = ("*", "?", "[")


@dataclass(frozen=True, slots=True)
class Input:
    """An input: its address, what it holds, how it is packed (empty: not at all), its bytes."""

    address: str
    kind: Kind
    packing: str
    size: int


def inputs_of(arguments: Iterable[str], kind: Kind | None) -> list[Input]:
    """The inputs that the arguments name, by their addresses in order, each once.

    A folder stands for all files in it, an archive for all that it holds, without what begins with
    a dot.

    Args:
        arguments: paths, globs, or addresses with a protocol.
        kind: what all of them hold; None goes by their names.

    Raises:
        CorpusError: if an argument names nothing, or a name does not say what an input holds.
        DovetailError: if a file system cannot be asked.
    """
    addresses = {own for argument in arguments for own in _addresses(argument)}
    return [_input(address, kind) for address in sorted(addresses)]


def _input(address: str, kind: Kind | None) -> Input:
    name = address.partition("::")[0].lower()
    suffix = os.path.splitext(name)[1]
    packing = PACKINGS.get(suffix, "")
    inner = os.path.splitext(name.removesuffix(suffix) if packing else name)[1]
    known = kind or KINDS.get(inner)
    if known is None:
        raise CorpusError(
            f"{address}: its name does not say what it holds; expected an ending among "
            f"{', '.join(KINDS)}, with .gz or .zst after it if packed; or name the kind by --from"
        )
    with asked(address):
        system, path = system_of(address)
        size = int(system.size(path) or 0)
    return Input(address, known, packing, size)


def _addresses(argument: str) -> Iterator[str]:
    found = list(_remote(argument) if "://" in argument else _local(argument))
    if not found:
        raise CorpusError(f"{argument}: there is no such file, and nothing in its place")
    for address in found:
        ending = os.path.splitext(address.partition("::")[0].lower())[1]
        if ending in ARCHIVES:
            yield from _remote(f"{ARCHIVES[ending]}://**::{address}")
        else:
            yield address


def _local(argument: str) -> Iterator[str]:
    """Paths as they were spelled, so that nothing of this machine gets into names."""
    path = Path(argument)
    if path.is_dir():
        files = (own for own in path.rglob("*") if own.is_file())
        yield from (str(own) for own in files if _is_plain_name(own.relative_to(path).parts))
    elif path.exists():
        yield argument
    else:
        yield from filter(os.path.isfile, glob.glob(argument, recursive=True))


def _remote(argument: str) -> Iterator[str]:
    with asked(argument):
        system, path = system_of(argument)
        fixed = min((path.partition(sign)[0] for sign in _MAGIC), key=len)
        if fixed != path:
            paths = [own for own in system.glob(path) if not system.isdir(own)]
        else:
            paths = system.find(path) if system.isdir(path) else [path] * system.exists(path)
    first, chained, rest = argument.partition("::")
    protocol = first.partition("://")[0]
    for own in paths:
        if _is_plain_name(own[len(fixed) :].split("/")):
            whole = own if "://" in own else f"{protocol}://{own.lstrip('/')}"
            whole = f"{protocol}://{own}" if protocol == "file" else whole
            yield f"{whole}{chained}{rest}"


def _is_plain_name(parts: Iterable[str]) -> bool:
    return not any(part.startswith(".") for part in parts)


def system_of(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises:
        MissingExtraError: without fsspec.
    """
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError("bulk extraction", extra="bulk") from None
    if "s3://" in address and find_spec("s3fs") is None:
        from dovetail.bulk.object_store import register

        register()
    return fsspec.core.url_to_fs(address)


class asked:  # noqa: N801  a context manager, read as a word
    """Turns what goes wrong while a file system is asked into an error that names the address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, DovetailError):
            reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            raise CorpusError(f"{self.address} cannot be read: {reason}") from error
