"""Layers that read token vectors together with where entities are, and of which types."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.layers.dropout import Dropout
from dovetail.layers.sequence import LayerFactory, LayerStack

PLACES = 3
"""A token is the first of an entity, the last, or any of its tokens, the two included."""


class MarkedLayers(nn.Module):
    """Recurrent layers over tokens that are told which of them belong to entities.

    After the typed markers of Zhong & Chen (2021), who put them into the text as tokens of their
    own and read each pair of entities anew.  Here the marks are features of the tokens, so one
    reading serves all pairs.

    Args:
        make_layer: makes a sequence layer for an input width.
        token_dim: width of a token vector.
        num_types: number of entity types.
        num_layers: how many layers there are, at least one; the first is told.
        dropout: share of the values of the token vectors, not of the marks, that training sets to
            zero.
    """

    def __init__(
        self,
        make_layer: LayerFactory,
        *,
        token_dim: int,
        num_types: int,
        num_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        width = token_dim + PLACES * num_types
        self.stack = LayerStack(make_layer, input_dim=width, num_layers=num_layers)
        self.output_dim = self.stack.output_dim

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens token_dim"],
        mask: Bool[Tensor, "batch tokens"],
        spans: Int[Tensor, "batch entities 2"],
        types: Int[Tensor, "batch entities types"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """Token vectors in the context of the entities; types are one-hot, zero in padding."""
        marks = entity_marks(spans, types, num_tokens=tokens.shape[1])
        tokens = torch.cat([self.dropout(tokens), marks.to(tokens.dtype)], dim=2)
        tokens = tokens.to(next(self.parameters()).dtype)
        vectors: Tensor = self.stack(tokens, mask)
        return vectors


def entity_marks(
    spans: Int[Tensor, "batch entities 2"],
    types: Int[Tensor, "batch entities types"],
    *,
    num_tokens: int,
) -> Float[Tensor, "batch tokens marks"]:
    """For each place and type, whether an entity of that type has the token there: 1, or 0."""
    positions = torch.arange(num_tokens, device=spans.device)
    starts, ends = (border.unsqueeze(2) for border in spans.unbind(2))
    places = (
        positions == starts,
        (positions >= starts) & (positions < ends),
        positions == ends - 1,
    )  # each (batch, entities, tokens)
    # Floats, because there is no fast product of whole numbers.
    weights = types.float()
    return torch.cat([place.float().transpose(1, 2) @ weights for place in places], dim=2).clamp(
        max=1
    )
