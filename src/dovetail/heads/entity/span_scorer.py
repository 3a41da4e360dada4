"""Scores of all spans of a sentence up to a width, without a vector of every pair of tokens."""

from __future__ import annotations

from math import log

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import pad

from dovetail.heads.activations import ACTIVATIONS

RARE = 0.01
"""Share of spans that a new scorer takes for something: about as many as are entities.  Without it
(Lin et al. 2017, section 4.1) the many others would drown the few in the first steps."""


class SpanScorer(nn.Module):
    """Scores every span of at most `max_width` tokens for every type.

    The span from token i to token j (inclusive) has the scores

        O a(S x_i + E x_j + max_{i <= k <= j} M x_k + w_{j - i}) + b

    with an activation a and a learned vector w for each width; the maximum is left out unless
    `pooled`.  S, E and M run once over the tokens, so that what is held for each span is its hidden
    vector: tokens · max_width · hidden_dim numbers, however long the sentence.

    Args:
        input_dim: width of a token vector.
        hidden_dim: width of a span's hidden vector.
        num_types: number of types.
        max_width: tokens of the longest spans that are scored.
        pooled: whether all tokens of a span are read, not its first and last alone.
        activation: one of `ACTIVATIONS`.
    """

    def __init__(
        self,
        *,
        input_dim: int,
        hidden_dim: int,
        num_types: int,
        max_width: int,
        pooled: bool = False,
        activation: str = "tanh",
    ) -> None:
        super().__init__()
        self.max_width = max_width
        self.as_start = nn.Linear(input_dim, hidden_dim)
        self.as_end = nn.Linear(input_dim, hidden_dim, bias=False)
        self.as_part = nn.Linear(input_dim, hidden_dim, bias=False) if pooled else None
        self.as_width = nn.Parameter(torch.randn(max_width, hidden_dim) * hidden_dim**-0.5)
        self.activation = ACTIVATIONS[activation]()
        self.output = nn.Linear(hidden_dim, num_types)
        nn.init.constant_(self.output.bias, log(RARE / (1 - RARE) / num_types))

    def forward(
        self, tokens: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens widths types"]:
        """Cell (b, t, w) is the span of w + 1 tokens from token t on; see `spans_within`.

        There are as many widths as the batch has tokens, and `max_width` at most.
        """
        widths = min(self.max_width, tokens.shape[1])
        hidden = self.as_start(tokens).unsqueeze(2) + ahead(self.as_end(tokens), widths)
        if self.as_part is not None:
            hidden = hidden + running_maximum(self.as_part(tokens), widths)
        scores: Tensor = self.output(self.activation(hidden + self.as_width[:widths]))
        return scores


def ahead(
    tokens: Float[Tensor, "batch tokens dim"], widths: int
) -> Float[Tensor, "batch tokens widths dim"]:
    """The vector w tokens after each token; zeros behind the last one."""
    return pad(tokens, (0, 0, 0, widths - 1)).unfold(1, widths, 1).transpose(2, 3)


def running_maximum(
    tokens: Float[Tensor, "batch tokens dim"], widths: int
) -> Float[Tensor, "batch tokens widths dim"]:
    """The largest value of each dimension in the w + 1 tokens from each token on."""
    length = tokens.shape[1]
    padded = pad(tokens, (0, 0, 0, widths - 1))
    maxima = [tokens]
    for width in range(1, widths):
        maxima.append(torch.maximum(maxima[-1], padded[:, width : width + length]))
    return torch.stack(maxima, dim=2)


def spans_within(
    mask: Bool[Tensor, "batch tokens"], widths: int
) -> Bool[Tensor, "batch tokens widths"]:
    """Which cells of `SpanScorer` are spans of their sentence: those that end within it."""
    places = torch.arange(mask.shape[1], device=mask.device).unsqueeze(1)
    last = places + torch.arange(widths, device=mask.device)
    return last < mask.sum(1)[:, None, None]
