"""A new transformer layer over tokens: attention and a hidden layer (Vaswani et al. 2017)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from dovetail.layers.dropout import Dropout

FARTHEST = 16
"""Tokens farther apart than this are attended to as if they were so far apart."""


class TransformerLayer(nn.Module):
    """One layer with its normalisations before its two parts, both of which are added to the input.

    Attention knows how far tokens are apart by a learned number for each head and signed distance
    (after Shaw et al. 2018 and Raffel et al. 2020), so that sentences of any length can be read.

    Args:
        input_dim: width of a token vector coming in.
        output_dim: width of a token vector going out; where it is another, the input is projected.
        num_heads: attention heads; they share the output width evenly.
        dropout: share of the values that training sets to zero, of the input and of the hidden
            units.
        normalise: whether the output is layer-normalised.

    Raises:
        ValueError: if the heads cannot share the output width.
    """

    def __init__(
        self,
        *,
        input_dim: int,
        output_dim: int,
        num_heads: int = 4,
        dropout: float = 0.0,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        if output_dim % num_heads:
            raise ValueError(f"{num_heads} heads cannot share a width of {output_dim} evenly")
        self.num_heads = num_heads
        self.output_dim = output_dim
        self.dropout = Dropout(dropout)
        same = input_dim == output_dim
        self.entry = nn.Identity() if same else nn.Linear(input_dim, output_dim)
        self.before_attention = nn.LayerNorm(output_dim)
        # A bias of the keys would add the same to all scores of a token, and change nothing.
        self.queries_keys_values = nn.Linear(output_dim, 3 * output_dim, bias=False)
        self.distance = nn.Embedding(2 * FARTHEST + 1, num_heads)
        nn.init.zeros_(self.distance.weight)
        self.attended = nn.Linear(output_dim, output_dim)
        self.before_hidden = nn.LayerNorm(output_dim)
        self.up = nn.Linear(output_dim, 2 * output_dim)
        self.down = nn.Linear(2 * output_dim, output_dim)
        self.normalise = nn.LayerNorm(output_dim) if normalise else nn.Identity()

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """Token vectors in context; padded positions hold values that mean nothing."""
        states = self.entered(tokens)
        states = states + self.attended(self.heads(states, mask))
        output: Tensor = self.normalise(states + self.down(self.units(states)))
        return output

    def entered(
        self, tokens: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """The tokens in the width of the layer, which both parts add to."""
        states: Tensor = self.entry(self.dropout(tokens))
        return states

    def heads(
        self, states: Float[Tensor, "batch tokens output_dim"], mask: Bool[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens values"]:
        """What the attention heads find, side by side."""
        projected = self.queries_keys_values(self.before_attention(states))
        return attention(projected, self.distance, mask)

    def units(
        self, states: Float[Tensor, "batch tokens output_dim"]
    ) -> Float[Tensor, "batch tokens units"]:
        """The hidden units."""
        hidden: Tensor = self.dropout(gelu(self.up(self.before_hidden(states))))
        return hidden


def attention(
    queries_keys_values: Float[Tensor, "batch tokens projected"],
    distance: nn.Embedding,
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens values"]:
    """The values that each head finds, side by side; `distance` has a column for each head."""
    batch, length, _ = queries_keys_values.shape
    by_head = queries_keys_values.view(batch, length, 3, distance.embedding_dim, -1)
    queries, keys, values = by_head.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, dim)
    position = torch.arange(length, device=mask.device)
    apart = (position - position.unsqueeze(1)).clamp(-FARTHEST, FARTHEST) + FARTHEST
    scores = distance(apart).permute(2, 0, 1).to(queries.dtype)
    # Not -inf: a sentence without tokens would give NaN.
    lowest = torch.finfo(queries.dtype).min
    scores = scores.masked_fill(~mask[:, None, None, :], lowest)
    mixed = scaled_dot_product_attention(queries, keys, values, attn_mask=scores)
    return mixed.transpose(1, 2).flatten(2)
