"""Layers that add to what they read: one without anything alive in it leaves its input alone."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn


class Residual(nn.Module):
    """x + f(x), where f is a layer whose output is as wide as its input.

    Args:
        layer: the layer f, which reads vectors of width `layer.output_dim`.
        normalise: whether f reads x layer-normalised; its output must not be, since a unit that is
            off has to add nothing.
    """

    def __init__(self, layer: nn.Module, *, normalise: bool = False) -> None:
        super().__init__()
        self.layer = layer
        self.output_dim: int = layer.output_dim  # type: ignore[assignment]
        self.before = nn.LayerNorm(self.output_dim) if normalise else nn.Identity()

    def forward(
        self, tokens: Float[Tensor, "batch tokens dim"], mask: Bool[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens dim"]:
        """Token vectors in context; padded positions hold values that mean nothing."""
        output: Tensor = tokens + self.layer(self.before(tokens), mask)
        return output
