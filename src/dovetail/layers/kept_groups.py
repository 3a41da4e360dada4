"""Transformer layers of which only some heads, hidden units and channels are kept.

Channels are the numbers of the projection that brings a layer's input to its width; a layer whose
input has that width has none.  A vector that says something of each group has the heads first, then
the units, then the channels.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from dovetail.layers.cutting import cut, cut_heads
from dovetail.layers.transformer_layer import TransformerLayer, attention


class OfGroups(NamedTuple):
    """A value for each group, by their sort."""

    heads: Tensor
    units: Tensor
    channels: Tensor


def numbers_of_groups(layer: TransformerLayer) -> tuple[int, int, int]:
    """How many heads, hidden units and channels a layer has."""
    channels = layer.entry.out_features if isinstance(layer.entry, nn.Linear) else 0
    return layer.num_heads, layer.up.out_features, channels


def sizes_of_groups(layer: TransformerLayer) -> Float[Tensor, " groups"]:
    """The number of parameters that go with each group.

    Of a head its rows for queries, keys and values, its columns of the projection behind them, and
    its numbers for distances; of a unit its row and bias upwards and its column downwards.
    """
    heads, units, channels = numbers_of_groups(layer)
    attended = layer.queries_keys_values.weight.numel() + layer.attended.weight.numel()
    head = (attended + layer.distance.weight.numel()) // heads
    read = layer.entry.in_features if isinstance(layer.entry, nn.Linear) else 0
    sizes = [head] * heads + [2 * layer.output_dim + 1] * units + [read + 1] * channels
    return torch.tensor(sizes, dtype=torch.float32)


class KeptGroups(nn.Module):
    """Some groups of a transformer layer, for inference: what they find, without adding it up.

    With h heads of width w, u units and c channels, over vectors of width D that become of width d,
    it has h(4wd + 33) + u(2d + 1) + c(D + 1) parameters, and 3d more if it has heads, and if it has
    units: a norm before them and a bias behind them.

    Args:
        layer: what they are copied from.
        kept: which groups are kept.
    """

    def __init__(self, layer: TransformerLayer, kept: Bool[Tensor, " groups"]) -> None:
        super().__init__()
        smaller = copy.deepcopy(layer)
        self.output_dim = layer.output_dim
        self.projects = isinstance(layer.entry, nn.Linear)
        places = OfGroups(
            *(own.nonzero().flatten() for own in torch.split(kept, [*numbers_of_groups(layer)]))
        )
        for sort, own in places._asdict().items():
            self.register_buffer(f"places_of_{sort}", own, persistent=False)
        self.attended: nn.Linear | None = None
        self.down: nn.Linear | None = None
        self.entry: nn.Linear | None = None
        if len(places.heads):
            cut_heads(smaller, places.heads)
            self.before_attention = smaller.before_attention
            self.queries_keys_values = smaller.queries_keys_values
            self.distance = smaller.distance
            self.attended = smaller.attended
        if len(places.units):
            self.before_hidden = smaller.before_hidden
            self.up = cut(smaller.up, rows=places.units)
            self.down = cut(smaller.down, columns=places.units)
        if len(places.channels) and isinstance(smaller.entry, nn.Linear):
            self.entry = cut(smaller.entry, rows=places.channels)

    def kept(self, values: OfGroups) -> OfGroups:
        """Of values for all groups those that are kept."""
        pairs = values._asdict().items()
        return OfGroups(*(own[self.get_buffer(f"places_of_{sort}")] for sort, own in pairs))

    def entered(
        self, tokens: Float[Tensor, "batch tokens input_dim"]
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """The channels, with zeros for those that are not kept; the tokens if there are none."""
        if not self.projects:
            return tokens
        if self.entry is None:
            return tokens.new_zeros(*tokens.shape[:2], self.output_dim)
        found = self.entry(tokens)
        empty = found.new_zeros(*found.shape[:2], self.output_dim)
        return empty.index_copy(2, self.get_buffer("places_of_channels"), found)

    def heads(
        self, states: Float[Tensor, "batch tokens output_dim"], mask: Bool[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch tokens values"] | None:
        """What the attention heads find; None if there are none."""
        if self.attended is None:
            return None
        projected = self.queries_keys_values(self.before_attention(states))
        return attention(projected, self.distance, mask)

    def units(
        self, states: Float[Tensor, "batch tokens output_dim"]
    ) -> Float[Tensor, "batch tokens units"] | None:
        """The hidden units; None if there are none."""
        if self.down is None:
            return None
        return gelu(self.up(self.before_hidden(states)))


def keep_groups(
    layer: TransformerLayer, kept: Bool[Tensor, " groups"]
) -> TransformerLayer | KeptGroups:
    """The layer for inference without the groups that nobody reads."""
    return layer if bool(kept.all()) else KeptGroups(layer, kept)
