"""What a file of weights holds, from its header alone: names, types and shapes of the tensors.

So a network is built no larger than its weights, and compared with them before these are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from safetensors import safe_open

from dovetail.errors import ModelError
from dovetail.files.bounded import check_regular

MAX_HEADER_BYTES = 1 << 22
"""Of a header, which has about a hundred for each tensor."""

_LENGTH_BYTES = 8  # a safetensors file begins with the length of its header


class StoredTensor(NamedTuple):
    """What the header says of a tensor."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file by their names, without their numbers.

    Raises:
        ModelError: if it is no regular file, or its header is too long.
        OSError: if it cannot be read.
        SafetensorError: if it is damaged.
    """
    try:
        check_regular(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if MAX_HEADER_BYTES < length <= path.stat().st_size:
        raise ModelError(
            f"{path}: its list of tensors has {length:,} bytes, expected at most "
            f"{MAX_HEADER_BYTES:,}: these are not the weights of an encoder or of a model"
        )
    with safe_open(path, framework="pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        return {
            name: StoredTensor(part.get_dtype(), tuple(part.get_shape()))
            for name, part in slices.items()
        }
