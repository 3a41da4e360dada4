"""Layers of a pretrained encoder as shared and own layers: they run over pieces, not over tokens.

The encoder stays as it is below them, and gives them the states of its pieces.  What the copies
make of these is pooled to tokens and stands beside the encoders' vectors.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dovetail.layers.sequence import LayerFactory
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.streams import Streams


class OverPieces(SharingBlock):
    """Runs a block over the pieces of the batch; a task that it has no layer for sees its tokens.

    Args:
        inside: the block, from streams of piece states to streams of piece states.
        input_dim: width of the token vectors.
        readers: the tasks that have layers inside.
    """

    def __init__(self, inside: SharingBlock, *, input_dim: int, readers: Collection[str]) -> None:
        super().__init__()
        self.inside = inside
        self.input_dim = input_dim
        self.tasks = inside.tasks
        self.readers = readers
        self.output_dims = {
            task: input_dim + (inside.output_dims[task] if task in self.readers else 0)
            for task in self.tasks
        }

    @property
    def takes_some(self) -> bool:
        return self.inside.takes_some

    def forward(self, streams: Streams) -> Streams:
        """The streams, each with the task's own view of the pieces behind its vectors.

        Raises:
            ValueError: if there are no states of pieces.
        """
        if not self.readers:
            return streams
        if streams.pieces is None:
            raise ValueError("expected the states of pieces, found none: no encoder hands them on")
        tasks = tuple(streams.by_task)
        pieces = streams.pieces.to(streams[tasks[0]].dtype)
        pairs = zip(pieces.groups, pieces.masks, strict=True)
        groups = [self.inside(Streams.tied(group, mask, tasks)) for group, mask in pairs]
        by_task = dict(streams.by_task)
        for task in (reader for reader in self.readers if reader in by_task):
            own = replace(pieces, groups=tuple(group[task] for group in groups)).pooled()
            by_task[task] = torch.cat([streams[task], own], dim=2)
        return Streams(by_task, streams.mask)

    def owners(self, parameter: str) -> frozenset[str]:
        """The answer of the block inside."""
        return self.inside.owners(parameter.removeprefix("inside."))

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """The answer of the block inside."""
        return self.inside.reads

    def reached_by(self, task: str) -> frozenset[str]:
        """The answer of the block inside."""
        return frozenset(f"inside.{name}" for name in self.inside.reached_by(task))

    def left_to_penalties(self) -> frozenset[str]:
        """The answer of the block inside."""
        return frozenset(f"inside.{name}" for name in self.inside.left_to_penalties())

    def penalties(self) -> Mapping[str, Tensor]:
        """The answer of the block inside."""
        return self.inside.penalties()

    def finalize(self) -> SharingBlock:
        """The same over the finalised block."""
        final = self.inside.finalize()
        return OverPieces(final, input_dim=self.input_dim, readers=self.readers)

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """The same over the block inside without these tasks."""
        readers = [reader for reader in self.readers if reader not in tasks]
        return OverPieces(self.inside.without(tasks), input_dim=self.input_dim, readers=readers)

    def assets(self) -> dict[str, Any]:
        """The answer of the block inside."""
        return self.inside.assets()


def copies_of(layers: Sequence[nn.Module]) -> LayerFactory:
    """A factory whose layers are copies of these, in the order in which a block asks for them.

    Blocks ask from the bottom to the top, and for own layers task by task.
    """
    planned = iter(layers)
    return lambda width: copy.deepcopy(next(planned))
