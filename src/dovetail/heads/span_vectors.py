"""One vector for a span of tokens."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dovetail.heads.range_maximum import range_maximum

Pooling = Literal["last", "ends", "pooled"]

WIDTHS = (1, 2, 3, 4, 6, 8, 12)
"""Upper limits, inclusive, of the buckets for the number of tokens in a span."""


class SpanVectors(nn.Module):
    """Reads spans off token vectors; its only parameters are those of `width_dim`.

    Args:
        input_dim: width of a token vector.
        pooling: "last" is the last token (Crone 2020), "ends" the first and the last side by side,
            "pooled" these and the maximum over the whole span.
        width_dim: size of an embedding of the number of tokens, put behind; 0 for none.
    """

    limits: Tensor

    def __init__(self, input_dim: int, pooling: Pooling, width_dim: int = 0) -> None:
        super().__init__()
        parts = {"last": 1, "ends": 2, "pooled": 3}
        self.pooling = pooling
        self.width = nn.Embedding(len(WIDTHS) + 1, width_dim) if width_dim else None
        self.register_buffer("limits", torch.tensor(WIDTHS), persistent=False)
        self.output_dim = parts[pooling] * input_dim + width_dim

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        spans: Int[Tensor, "batch spans 2"],
    ) -> Float[Tensor, "batch spans output_dim"]:
        """Vectors of half-open spans that hold at least one token each."""
        parts = [token_vectors(tokens, spans[..., 1] - 1)]
        if self.pooling != "last":
            parts.insert(0, token_vectors(tokens, spans[..., 0]))
        if self.pooling == "pooled":
            batch, number = spans.shape[:2]
            rows = torch.arange(batch, device=spans.device).repeat_interleave(number)
            pooled = range_maximum(tokens, spans.flatten(0, 1), rows)
            parts.append(pooled.view(batch, number, -1))
        if self.width is not None:
            parts.append(self.width(torch.bucketize(spans[..., 1] - spans[..., 0], self.limits)))
        return torch.cat(parts, dim=2)


def token_vectors(
    tokens: Float[Tensor, "batch tokens dim"], positions: Int[Tensor, "batch spans"]
) -> Float[Tensor, "batch spans dim"]:
    """The vectors at some positions of each sentence."""
    return tokens.gather(1, positions.unsqueeze(2).expand(-1, -1, tokens.shape[2]))
