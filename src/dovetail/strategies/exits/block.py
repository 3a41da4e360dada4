"""A shared stack that every task leaves at a layer of its own (after LOMT, second step)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from torch import nn

from dovetail.layers.sequence import LayerFactory
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.copies import OverPieces, copies_of
from dovetail.strategies.streams import Streams


class SharedLayersWithExits(SharingBlock):
    """Layers of which task t runs the first `exits[t]`; none is built above the deepest exit.

    A layer serves the tasks that leave at it or above it.

    Raises:
        ValueError: if an exit is negative.
    """

    def __init__(
        self, make_layer: LayerFactory, *, input_dim: int, exits: Mapping[str, int]
    ) -> None:
        super().__init__()
        if min(exits.values()) < 0:
            raise ValueError(f"a task leaves after layer 0, 1, 2, …; these exits are {dict(exits)}")
        self.tasks = tuple(exits)
        self.exits = dict(exits)
        self.layers = nn.ModuleList()
        dims = [input_dim]
        for _ in range(max(exits.values())):
            layer = make_layer(dims[-1])
            self.layers.append(layer)
            dims.append(layer.output_dim)  # type: ignore[arg-type]
        self.output_dims = {task: dims[exit_] for task, exit_ in exits.items()}

    @property
    def takes_some(self) -> bool:
        return True

    def forward(self, streams: Streams) -> Streams:
        """Run each layer for the tasks that have not left yet."""
        left = dict(streams.by_task)
        for depth, layer in enumerate(self.layers, start=1):
            inside = {task: left[task] for task in left if self.exits[task] >= depth}
            left.update(Streams(inside, streams.mask).map_shared(layer).by_task)
        return Streams(left, streams.mask)

    def owners(self, parameter: str) -> frozenset[str]:
        """The tasks that run the layer which holds the parameter."""
        depth = int(parameter.split(".")[1]) + 1
        return frozenset(task for task in self.tasks if self.exits[task] >= depth)

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """The layers up to the deepest exit of the other tasks."""
        twin = self._twin(tasks)
        twin.exits = {task: self.exits[task] for task in twin.tasks}
        twin.layers = self.layers[: max(twin.exits.values(), default=0)]
        return twin


def exits_of_copies(
    layers: Sequence[nn.Module], *, input_dim: int, piece_dim: int, exits: Mapping[str, int]
) -> OverPieces:
    """One shared stack of copies of `layers`, which the tasks leave at layers of their own."""
    inside = SharedLayersWithExits(copies_of(layers), input_dim=piece_dim, exits=exits)
    readers = [task for task, place in exits.items() if place]
    return OverPieces(inside, input_dim=input_dim, readers=readers)
