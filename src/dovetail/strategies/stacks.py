"""Shared layers, own layers, and blocks one after the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from dovetail.layers.projection import Projection
from dovetail.layers.sequence import LayerFactory, LayerStack
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.streams import Streams


class SharedLayers(SharingBlock):
    """Layers whose parameters serve every task; they run once while the tasks are tied.

    Raises:
        ValueError: if the streams that come in are not all of the same width.
    """

    def __init__(
        self, make_layer: LayerFactory, *, input_dims: Mapping[str, int], num_layers: int
    ) -> None:
        super().__init__()
        widths = set(input_dims.values())
        if num_layers and len(widths) > 1:
            raise ValueError(
                f"shared layers need streams of one width, these are {dict(input_dims)}: "
                f"give the layers below the same hidden_dim for every task"
            )
        self.tasks = tuple(input_dims)
        self.stack = LayerStack(make_layer, input_dim=max(widths), num_layers=num_layers)
        shared_dim = self.stack.output_dim
        self.output_dims = dict.fromkeys(self.tasks, shared_dim) if num_layers else input_dims

    @property
    def takes_some(self) -> bool:
        return True

    def forward(self, streams: Streams) -> Streams:
        """Run the layers on every distinct stream."""
        return streams.map_shared(self.stack)

    def owners(self, parameter: str) -> frozenset[str]:
        """Every task."""
        return frozenset(self.tasks)

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """The same layers."""
        return self._twin(tasks)


class OwnLayers(SharingBlock):
    """Layers that serve one task each, as many for each task as it is given; zero is allowed."""

    def __init__(
        self,
        make_layer: LayerFactory,
        *,
        input_dims: Mapping[str, int],
        num_layers: Mapping[str, int],
    ) -> None:
        super().__init__()
        self.tasks = tuple(input_dims)
        stacks = {
            task: LayerStack(make_layer, input_dim=input_dims[task], num_layers=num_layers[task])
            for task in self.tasks
        }
        self.stacks = nn.ModuleDict(stacks)
        self.output_dims = {task: stack.output_dim for task, stack in stacks.items()}

    @property
    def takes_some(self) -> bool:
        return True

    def forward(self, streams: Streams) -> Streams:
        """Run each task's layers on its stream."""
        return Streams(
            {task: self.stacks[task](streams[task], streams.mask) for task in streams.by_task},
            streams.mask,
        )

    def owners(self, parameter: str) -> frozenset[str]:
        """The one task whose stack holds the parameter."""
        return frozenset({parameter.split(".")[1]})

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """The stacks of the other tasks."""
        twin = self._twin(tasks)
        twin.stacks = nn.ModuleDict({task: self.stacks[task] for task in twin.tasks})
        return twin


class Stack(SharingBlock):
    """Blocks of the same tasks, one after the other."""

    def __init__(self, blocks: Sequence[SharingBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.tasks = blocks[-1].tasks
        self.output_dims = blocks[-1].output_dims

    def _block(self, index: int) -> SharingBlock:
        block = self.blocks[index]
        if not isinstance(block, SharingBlock):
            raise TypeError(f"a stack holds sharing blocks, not {type(block).__name__}")
        return block

    @property
    def parts(self) -> list[SharingBlock]:
        """The blocks, from the bottom to the top."""
        return [self._block(index) for index in range(len(self.blocks))]

    @property
    def takes_some(self) -> bool:
        return all(block.takes_some for block in self.parts)

    def forward(self, streams: Streams) -> Streams:
        """Run all blocks, and keep the notes of each."""
        notes = dict(streams.notes)
        for block in self.blocks:
            streams = block(streams)
            notes |= streams.notes
        return replace(streams, notes=notes)

    def owners(self, parameter: str) -> frozenset[str]:
        """The answer of the block that holds the parameter."""
        _, index, name = parameter.split(".", 2)
        return self._block(int(index)).owners(name)

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """A loss reaches what it reads in the last block, and what that reads below it."""
        reads = {task: frozenset({task}) for task in self.tasks}
        for index in reversed(range(len(self.blocks))):
            below = self._block(index).reads
            reads = {
                task: frozenset[str]().union(*(below[other] for other in others))
                for task, others in reads.items()
            }
        return reads

    def reached_by(self, task: str) -> frozenset[str]:
        """In each block, what it says of the tasks whose streams the blocks above it read.

        `reads` alone would be too much: a block in which the tasks read each other lets a loss into
        the other task's blocks below it, but not into those above.
        """
        names: set[str] = set()
        readers = frozenset({task})
        for index in reversed(range(len(self.blocks))):
            block = self._block(index)
            own = (block.reached_by(reader) for reader in readers)
            names.update(f"blocks.{index}.{name}" for found in own for name in found)
            readers = frozenset[str]().union(*(block.reads[reader] for reader in readers))
        return frozenset(names)

    def left_to_penalties(self) -> frozenset[str]:
        """The answers of the blocks."""
        return frozenset(
            f"blocks.{index}.{name}"
            for index, block in enumerate(self.parts)
            for name in block.left_to_penalties()
        )

    def penalties(self) -> Mapping[str, Tensor]:
        """Those of all blocks; those of one name are added up."""
        sums: dict[str, Tensor] = {}
        for block in self.parts:
            for name, penalty in block.penalties().items():
                sums[name] = sums[name] + penalty if name in sums else penalty
        return sums

    def finalize(self) -> SharingBlock:
        """A stack of finalised blocks."""
        return Stack([block.finalize() for block in self.parts])

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """A stack of blocks without these tasks."""
        return Stack([block.without(tasks) for block in self.parts])


def projected(input_dims: Mapping[str, int], output_dim: int) -> SharingBlock:
    """One projection for all tasks, to be put below their layers."""
    return SharedLayers(
        lambda width: Projection(width, output_dim), input_dims=input_dims, num_layers=1
    )
