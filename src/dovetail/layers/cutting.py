"""Layers without the groups that are zero: the same output from fewer numbers, exactly.

A unit that is zero for every input feeds nothing, so its rows go, and so do the columns that read
it.  One direction of an LSTM of H units over vectors of width D shrinks from 4H(D + H + 2) numbers
to 4H'(D + H' + 2).
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.layers.groups import gates_of, groups_of
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.transformer import TransformerLayer


class PlacedUnits(nn.Module):
    """A layer whose outputs stand at some places of a wider vector; zeros stand at the others."""

    places: Tensor

    def __init__(self, layer: nn.Module, places: Int[Tensor, " units"], output_dim: int) -> None:
        super().__init__()
        self.layer = layer
        self.output_dim = output_dim
        self.register_buffer("places", places)

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """Token vectors in context; padded positions hold values that mean nothing."""
        states: Tensor = self.layer(tokens, mask)
        output = states.new_zeros(*states.shape[:2], self.output_dim)
        return output.index_copy(2, self.places, states)


@torch.no_grad()
def without_dead_groups(layer: nn.Module) -> nn.Module:
    """A layer that gives the same without the groups that are zero; one of each sort stays.

    Raises:
        TypeError: if the layer is neither recurrent nor a transformer layer.
        ValueError: if its output is normalised, so that units that are zero do not stay so.
    """
    if isinstance(layer, BidirectionalLayer) and isinstance(layer.normalise, nn.LayerNorm):
        raise ValueError("expected a layer whose output is not normalised: a zero would not be one")
    first, second = (_kept(groups.alive()) for groups in groups_of(layer))
    smaller = copy.deepcopy(layer)
    if isinstance(smaller, TransformerLayer):
        _cut_heads(smaller, first)
        smaller.up = _cut(smaller.up, rows=second)
        smaller.down = _cut(smaller.down, columns=second)
        return smaller
    assert isinstance(smaller, BidirectionalLayer)  # groups_of knows no other
    hidden_dim = smaller.forwards.hidden_size
    smaller.forwards = cut_cell(smaller.forwards, first)
    smaller.backwards = cut_cell(smaller.backwards, second)
    smaller.output_dim = len(first) + len(second)
    return PlacedUnits(smaller, torch.cat([first, hidden_dim + second]), 2 * hidden_dim)


def _kept(alive: Bool[Tensor, " groups"]) -> Int[Tensor, " kept"]:
    places = alive.nonzero().flatten()
    return places if len(places) else places.new_zeros(1)


@torch.no_grad()
def cut_cell(cell: nn.GRU | nn.LSTM, kept: Int[Tensor, " kept"]) -> nn.GRU | nn.LSTM:
    """A cell of some of the units."""
    smaller = type(cell)(cell.input_size, len(kept), batch_first=True).to(
        cell.get_parameter("weight_hh_l0")
    )
    for name, parameter in cell.named_parameters():
        rows = parameter.view(gates_of(cell), cell.hidden_size, -1)[:, kept]
        if name.startswith("weight_hh"):
            rows = rows[:, :, kept]
        own = smaller.get_parameter(name)
        own.copy_(rows.reshape(own.shape))
    return smaller


def _cut_heads(layer: TransformerLayer, kept: Tensor) -> None:
    """Leave some of the heads."""
    width = layer.output_dim // layer.num_heads
    places = (kept.unsqueeze(1) * width + torch.arange(width)).flatten()
    blocks = torch.arange(3).unsqueeze(1) * layer.output_dim
    layer.queries_keys_values = _cut(layer.queries_keys_values, rows=(blocks + places).flatten())
    layer.attended = _cut(layer.attended, columns=places)
    distance = layer.distance.weight[:, kept]
    layer.distance = nn.Embedding(*distance.shape).to(distance)
    layer.distance.weight.copy_(distance)
    layer.num_heads = len(kept)


def _cut(
    linear: nn.Linear, *, rows: Tensor | None = None, columns: Tensor | None = None
) -> nn.Linear:
    """A linear map of some of its outputs or inputs."""
    weight = linear.weight if rows is None else linear.weight[rows]
    weight = weight if columns is None else weight[:, columns]
    smaller = nn.Linear(weight.shape[1], weight.shape[0], bias=linear.bias is not None).to(weight)
    smaller.weight.copy_(weight)
    if linear.bias is not None:
        smaller.bias.copy_(linear.bias if rows is None else linear.bias[rows])
    return smaller
