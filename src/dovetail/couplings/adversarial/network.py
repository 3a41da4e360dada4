"""Convolutions over tokens or over a table of pairs, in which padding takes no part."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrize import register_parametrization

KERNEL = 3
SLOPE = 0.2
"""What the activation keeps of negative values."""


class OfNormOne(nn.Module):
    """A weight divided by its spectral norm, as a matrix with a row for each output channel.

    The norm is exact: power iteration, which is usual, follows a learning weight too slowly where
    its largest singular values are close, and leaves norms of up to 1.1.  These matrices are small.
    """

    def forward(self, weight: Float[Tensor, "outputs inputs *kernel"]) -> Tensor:
        """The weight with the norm 1."""
        norm = torch.linalg.matrix_norm(weight.flatten(1), 2)
        return weight / norm.clamp(min=torch.finfo(weight.dtype).tiny)


class Convolutions(nn.Module):
    """Decides at every position, from its neighbours and itself.

    The weight of each convolution has the spectral norm 1 (Miyato et al. 2018), so that small
    changes of what is read change little.  The stride is 1: a sentence of thirty tokens is too
    short to be made shorter.

    Args:
        axes: 1 for tokens, 2 for pairs.
        input_dim: numbers that stand at each position.
        hidden_dim: width of all layers but the last.
        output_dim: scores at each position.
        layers: number of convolutions.
    """

    def __init__(
        self,
        axes: Literal[1, 2],
        *,
        input_dim: int,
        hidden_dim: int,
        output_dim: int,
        layers: int,
    ) -> None:
        super().__init__()
        kind = nn.Conv1d if axes == 1 else nn.Conv2d
        widths = [input_dim, *[hidden_dim] * (layers - 1), output_dim]
        self.layers = nn.ModuleList(
            kind(before, after, KERNEL, padding=KERNEL // 2) for before, after in pairwise(widths)
        )
        for layer in self.layers:
            register_parametrization(layer, "weight", OfNormOne())

    def forward(
        self,
        values: Float[Tensor, "batch *positions input_dim"],
        mask: Bool[Tensor, " batch *positions"],
    ) -> Float[Tensor, "batch *positions output_dim"]:
        """The scores at each position; those that are masked out are read as zeros."""
        hidden, inside = values.movedim(-1, 1), mask.unsqueeze(1)
        for place, layer in enumerate(self.layers):
            if place:
                hidden = leaky_relu(hidden, SLOPE)
            hidden = layer(hidden * inside)
        return hidden.movedim(1, -1)
