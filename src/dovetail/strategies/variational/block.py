"""Gaussian features of each task, drawn to those of the other tasks (after VMTL, 2021).

Above shared and own layers, task t reads for each token x

    z_t = m_t(x) + s_t(x) * noise        in training,
    z_t = m_t(x)                         afterwards,

with linear maps m_t and s_t (its logarithm, softly).  The divergence of N(m_t, s_t^2) from its
prior is an objective of the strategy's own, and so are the notes in which the Gaussians are left
for it.  Nothing of one task's Gaussian is read by another, so the means alone are saved.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from dovetail.layers.projection import Projection
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.stacks import OwnLayers, Stack
from dovetail.strategies.streams import Streams
from dovetail.strategies.variational.divergence import SMALLEST, Gaussian
from dovetail.strategies.variational.mixing import TaskMixing

FIRST_DEVIATION = 0.2
"""Of the features at the start, about: a fraction of how far their means are spread."""

MEAN, DEVIATION, SHARES = "mean", "deviation", "shares"
"""What notes hold of a task."""


class GaussianStreams(SharingBlock):
    """A Gaussian for each token and task, of which training draws and inference takes the mean.

    Args:
        input_dims: widths of the streams that come in.
        output_dim: width of all that go out.
        mixing: the shares of the other tasks in each task's prior, where it is a mixture.
        noise: factor of the standard deviations in what is drawn.
    """

    def __init__(
        self,
        input_dims: Mapping[str, int],
        output_dim: int,
        *,
        mixing: TaskMixing | None = None,
        noise: float = 1.0,
    ) -> None:
        super().__init__()
        self.tasks = tuple(input_dims)
        self.output_dims = dict.fromkeys(self.tasks, output_dim)
        self.means: SharingBlock = means(input_dims, output_dim)
        spreads = {task: nn.Linear(width, output_dim) for task, width in input_dims.items()}
        for spread in spreads.values():
            nn.init.constant_(spread.bias, unsoftened(FIRST_DEVIATION))
        self.spreads = nn.ModuleDict(spreads)
        self.mixing = mixing
        self.noise = noise

    @property
    def takes_some(self) -> bool:
        """While mixtures are learned, a task's prior needs the streams of all others."""
        return not (self.training and self.mixing is not None)

    def forward(self, streams: Streams) -> Streams:
        """What each task reads, and in training the notes on what it was drawn from."""
        found = self.means(streams)
        if not self.training:
            return found
        drawn, notes = {}, {}
        for task, mean in found.by_task.items():
            own = self._posterior(task, mean, streams[task])
            drawn[task] = own.mean
            if self.noise:
                drawn[task] = own.mean + self.noise * own.deviation * torch.randn_like(own.mean)
            notes[noted(MEAN, task)], notes[noted(DEVIATION, task)] = own
            if self.mixing is not None:
                notes[noted(SHARES, task)] = self.mixing.drawn(task)
        return Streams(drawn, streams.mask, notes=notes)

    def _posterior(self, task: str, mean: Tensor, tokens: Tensor) -> Gaussian:
        """In single precision at least, whatever the layers compute in."""
        dtype = torch.promote_types(mean.dtype, torch.float32)
        return Gaussian(mean.to(dtype), softened(self.spreads[task](tokens).to(dtype)))

    def owners(self, parameter: str) -> frozenset[str]:
        """The task whose Gaussian or prior it is."""
        part, inside = parameter.split(".", 1)
        if part == "means":
            return self.means.owners(inside)
        return frozenset({inside.split(".")[0 if part == "spreads" else 1]})

    def left_to_penalties(self) -> frozenset[str]:
        """The shares, and the deviations where nothing is drawn."""
        parts = ("mixing",) if self.training and self.noise else ("mixing", "spreads")
        names = (name for name, _ in self.named_parameters())
        return frozenset(name for name in names if name.split(".")[0] in parts)

    def finalize(self) -> SharingBlock:
        """The means."""
        return self.means

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """The Gaussians of the other tasks, with their shares in one another's priors."""
        twin = self._twin(tasks)
        twin.means = self.means.without(tasks)
        twin.spreads = nn.ModuleDict({task: self.spreads[task] for task in twin.tasks})
        twin.mixing = None if self.mixing is None else self.mixing.without(tasks)
        return twin


class VariationalLayers(Stack):
    """Shared and own layers, and above them the features of each task.

    Args:
        blocks: these, from below.
        shares: those of the other tasks in each task's prior, as they were learned.
    """

    def __init__(
        self,
        blocks: Sequence[SharingBlock],
        shares: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        super().__init__(blocks)
        self._shares = shares

    def shares(self) -> Mapping[str, Mapping[str, float]]:
        """The shares of the other tasks in each task's prior; empty where there is no mixture.

        Those of tasks that were left out are among them.
        """
        top = self.parts[-1]
        if self._shares is None and isinstance(top, GaussianStreams) and top.mixing is not None:
            return top.mixing.shares()
        return self._shares or {}

    def finalize(self) -> SharingBlock:
        """The layers and the means."""
        return VariationalLayers([block.finalize() for block in self.parts], self.shares())

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """A stack of blocks without these tasks, whose shares stay known."""
        return VariationalLayers([block.without(tasks) for block in self.parts], self.shares())

    def learned(self) -> dict[str, Any]:
        """The shares."""
        shares = {
            task: {other: round(share, 4) for other, share in own.items()}
            for task, own in self.shares().items()
        }
        return {"tasks": shares} if shares else {}


def means(input_dims: Mapping[str, int], output_dim: int) -> OwnLayers:
    """A linear map for each task: all that is left in the end."""
    return OwnLayers(
        lambda width: Projection(width, output_dim),
        input_dims=input_dims,
        num_layers=dict.fromkeys(input_dims, 1),
    )


def noted(what: str, task: str) -> str:
    """The name of a note on a task."""
    return f"variational {what} of {task}"


def softened(values: Tensor) -> Tensor:
    """Standard deviations from numbers that may be negative."""
    return softplus(values) + SMALLEST


def unsoftened(deviation: float) -> float:
    """The number that `softened` makes a deviation of."""
    return math.log(math.expm1(deviation - SMALLEST))
