"""Fixed operations, and learned layers that choose among them for each task (after ETR-NLP, 2023).

A block computes primitives of its input that nobody trains, and recombines them token by token:

    h_t = [ relu(norm(W_shared P(x_t))) ; relu(norm(W_t P(x_t))) ]

The share of the outputs that comes from the shared weights is set, not learned.  The first
block reads the same x for all tasks, so that the shared half is computed once there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor, nn

from dovetail.layers.dropout import Dropout
from dovetail.layers.primitives import Primitives
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.stacks import Stack
from dovetail.strategies.streams import Streams


class Recombination(nn.Module):
    """A linear map of each token, normalised, of which what is positive is kept."""

    def __init__(self, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_dim, output_dim)
        self.normalise = nn.LayerNorm(output_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Features of the new width."""
        return torch.relu(self.normalise(self.linear(features)))


class RoutedBlock(SharingBlock):
    """Primitives of a task's stream, recombined by shared and by own weights.

    Args:
        tasks: the tasks in their order.
        primitives: what is computed of each stream.  Its parameters, if it has any that are
            trained, are shared.
        output_dim: width of the vectors that go out.
        shared_fraction: the share of the outputs that shared weights compute, in whole outputs;
            with 1 the tasks stay tied, with 0 they are networks apart.
        dropout: share of the outputs of the primitives that training sets to zero.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        primitives: Primitives,
        *,
        output_dim: int,
        shared_fraction: float,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.output_dims = dict.fromkeys(self.tasks, output_dim)
        self.primitives = primitives
        self.dropout = Dropout(dropout)
        shared_dim, width = round(shared_fraction * output_dim), primitives.output_dim
        own_dim = output_dim - shared_dim
        self.shared = Recombination(width, shared_dim) if shared_dim else None
        self.own = nn.ModuleDict(
            {task: Recombination(width, own_dim) for task in self.tasks if own_dim}
        )

    @property
    def takes_some(self) -> bool:
        return True

    def forward(self, streams: Streams) -> Streams:
        """The output of each task for its stream; tied as before where all weights are shared."""
        features = streams.map_shared(self._features)
        shared = self.shared
        if shared is None:
            return self._each(features, lambda task: self.own[task](features[task]))
        common = features.map_shared(lambda own, mask: shared(own))
        if not self.own:
            return common
        return self._each(
            features, lambda task: torch.cat([common[task], self.own[task](features[task])], dim=2)
        )

    def _each(self, streams: Streams, of_task: Callable[[str], Tensor]) -> Streams:
        return Streams({task: of_task(task) for task in streams.by_task}, streams.mask)

    def _features(self, tokens: Tensor, mask: Tensor) -> Tensor:
        features: Tensor = self.dropout(self.primitives(tokens, mask))
        return features

    def owners(self, parameter: str) -> frozenset[str]:
        """The task of its own weights; all tasks of what is shared; none of what is frozen."""
        part, name = parameter.split(".", 1)
        if part == "own":
            return frozenset({name.split(".")[0]})
        return frozenset(self.tasks if self.get_parameter(parameter).requires_grad else ())

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """The shared weights, and those of the other tasks."""
        twin = self._twin(tasks)
        twin.own = nn.ModuleDict(
            {task: own for task, own in self.own.items() if task in twin.tasks}
        )
        return twin


def routed(
    make_block: Callable[[int], RoutedBlock], *, input_dim: int, num_blocks: int
) -> SharingBlock:
    """Routed blocks one after the other, each made for the width that comes in."""
    blocks: list[RoutedBlock] = []
    for _ in range(num_blocks):
        blocks.append(make_block(input_dim))
        input_dim = max(blocks[-1].output_dims.values())
    return Stack(blocks)
