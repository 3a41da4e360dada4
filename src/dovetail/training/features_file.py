"""Features of many sentences in a file in place of memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.encoders import Features
from dovetail.files.unnamed_file import UnnamedFile

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
        self._file = UnnamedFile(
            "what the encoder computes", remedy=", or training.disk_cache_gigabytes lower"
        )
        self._places: list[tuple[_Place, ...]] = []

    def extend(self, rows: Iterable[Features]) -> None:
        """Write the features of further sentences.

        Raises:
            OutputError: if the disk is full, or the file cannot be written for another reason.
        """
        for row in rows:
            self._places.append(tuple(self._written(name, row[name]) for name in row))

    def _written(self, name: str, tensor: Tensor) -> _Place:
        content = tensor.detach().cpu().contiguous()
        place = _Place(name, content.dtype, tuple(content.shape), self._file.size)
        content = content.reshape(-1).view(torch.uint8)
        self._file.write(content.numpy().data)
        self._file.write(bytes(-content.numel() % _ALIGNED))
        return place

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Features:
        return {place.name: self._read(place) for place in self._places[index]}

    def _read(self, place: _Place) -> Tensor:
        count = prod(place.shape)
        if not count:
            return torch.empty(place.shape, dtype=place.dtype, device=self.device)
        content = self._file.content
        flat = torch.frombuffer(content, dtype=place.dtype, count=count, offset=place.offset)
        return flat.reshape(place.shape).to(self.device)


def room_on_disk() -> int:
    """Bytes that are free where temporary files are."""
    return shutil.disk_usage(tempfile.gettempdir()).free
