"""Features of many sentences in a file that has no name, and goes when the process ends.

It is mapped into memory when it is read: the system keeps what it has room for, and lets go of it
where the room is needed.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.encoders import Features
from dovetail.errors import TrainingError

_ALIGNED = 8
"""Tensors begin at multiples of so many bytes."""


class _Place(NamedTuple):
    """Where a tensor is in the file."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int


class FeaturesFile:
    """What is added to it is written at once; the first that is read ends that.

    Args:
        device: where tensors are put that are read.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._file = tempfile.TemporaryFile(prefix="dovetail-")  # noqa: SIM115 (lives as this does)
        weakref.finalize(self, self._file.close)
        self._size = 0
        self._places: list[tuple[_Place, ...]] = []
        self._mapped: mmap.mmap | None = None

    def extend(self, rows: Iterable[Features]) -> None:
        """Write the features of further sentences.

        Raises:
            TrainingError: if the disk is full, or the file cannot be written for another reason.
        """
        try:
            for row in rows:
                self._places.append(tuple(self._written(name, row[name]) for name in row))
            self._file.flush()
        except OSError as error:
            raise TrainingError(
                f"cannot write what the encoder computes into {tempfile.gettempdir()} after "
                f"{self._size / 1e9:.1f} GB: {error.strerror}; set TMPDIR to a folder with room, "
                f"or training.disk_cache_gigabytes lower"
            ) from error

    def _written(self, name: str, tensor: Tensor) -> _Place:
        content = tensor.detach().cpu().contiguous()
        place = _Place(name, content.dtype, tuple(content.shape), self._size)
        content = content.reshape(-1).view(torch.uint8)
        padding = -content.numel() % _ALIGNED
        self._file.write(content.numpy().data)
        self._file.write(bytes(padding))
        self._size += content.numel() + padding
        return place

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Features:
        return {place.name: self._read(place) for place in self._places[index]}

    def _read(self, place: _Place) -> Tensor:
        count = prod(place.shape)
        if not count:
            return torch.empty(place.shape, dtype=place.dtype, device=self.device)
        if self._mapped is None:
            # A private copy of pages that are written to, so that torch takes them for its own.
            self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_COPY)
        flat = torch.frombuffer(self._mapped, dtype=place.dtype, count=count, offset=place.offset)
        return flat.reshape(place.shape).to(self.device)


def room_on_disk() -> int:
    """Bytes that are free where temporary files are."""
    return shutil.disk_usage(tempfile.gettempdir()).free
