"""A task's stream with the contexts that it reads: added by a network that starts as nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.layers.dropout import Dropout


class Joined(nn.Module):
    """Adds contexts to a stream, through a norm whose scale and shift start at zero.

    Args:
        places: how many contexts there are.
        context_dim, stream_dim: widths.
        dropout: share of what is added that training sets to zero.
    """

    def __init__(
        self, places: int, context_dim: int, stream_dim: int, *, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(places * context_dim, stream_dim)
        self.normalise = nn.LayerNorm(stream_dim)
        nn.init.zeros_(self.normalise.weight)
        nn.init.zeros_(self.normalise.bias)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        stream: Float[Tensor, "batch tokens stream_dim"],
        contexts: Sequence[Float[Tensor, "batch tokens context_dim"] | None],
    ) -> Float[Tensor, "batch tokens stream_dim"]:
        """The stream and what follows from its contexts; without any, the stream itself."""
        there = [context for context in contexts if context is not None]
        if not there:
            return stream
        nothing = torch.zeros_like(there[0])
        whole = torch.cat([nothing if own is None else own for own in contexts], dim=2)
        return stream + self.dropout(self.normalise(self.linear(whole)))

    def keep(self, places: Sequence[bool]) -> None:
        """Leave out the contexts that are none."""
        width = self.linear.in_features // len(places)
        kept = torch.tensor(places).repeat_interleave(width)
        weight = self.linear.weight.detach()[:, kept.to(self.linear.weight.device)]
        self.linear.weight = nn.Parameter(weight.clone())
        self.linear.in_features = weight.shape[1]
