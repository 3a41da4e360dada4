"""A linear map of each token, as a layer among others."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn


class Projection(nn.Module):
    """Brings token vectors to another width; no token sees another."""

    def __init__(self, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.output_dim = output_dim
        self.linear = nn.Linear(input_dim, output_dim)

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """Token vectors of the new width; the mask is not needed."""
        output: Tensor = self.linear(tokens)
        return output
