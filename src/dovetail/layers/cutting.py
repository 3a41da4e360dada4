"""Layers without the groups that are zero: the same output from fewer parameters, exactly.

A unit that is zero for every input feeds nothing, so its rows go, and so do the columns that read
it.  One direction of an LSTM of H units over vectors of width D shrinks from 4H(D + H + 2)
parameters to 4H'(D + H' + 2).
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from dovetail.layers.groups import groups_of
from dovetail.layers.kept_units import KeptUnits
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.transformer_layer import TransformerLayer


@torch.no_grad()
def without_dead_groups(layer: nn.Module) -> nn.Module:
    """A layer that gives the same without the groups that are zero; some stay if all are.

    Raises:
        TypeError: if the layer is neither recurrent nor a transformer layer.
        ValueError: if its output is normalised, so that units that are zero do not stay so.
    """
    first, second = (groups.alive() for groups in groups_of(layer))
    if isinstance(layer, BidirectionalLayer):
        if isinstance(layer.normalise, nn.LayerNorm):
            raise ValueError("expected a layer whose output is not normalised, found one that is")
        return KeptUnits(layer, _one_at_least(torch.cat([first, second])))
    assert isinstance(layer, TransformerLayer)  # groups_of knows no other
    smaller = copy.deepcopy(layer)
    cut_heads(smaller, _one_at_least(first).nonzero().flatten())
    units = _one_at_least(second).nonzero().flatten()
    smaller.up = cut(smaller.up, rows=units)
    smaller.down = cut(smaller.down, columns=units)
    return smaller


def _one_at_least(alive: Bool[Tensor, " groups"]) -> Bool[Tensor, " groups"]:
    """The same, but the first is kept where none is alive."""
    first = torch.zeros_like(alive)
    first[0] = not alive.any()
    return alive | first


@torch.no_grad()
def cut_heads(layer: TransformerLayer, kept: Tensor) -> None:
    """Leave only these of the heads of a layer."""
    width = layer.output_dim // layer.num_heads
    places = (kept.unsqueeze(1) * width + torch.arange(width, device=kept.device)).flatten()
    blocks = torch.arange(3, device=kept.device).unsqueeze(1) * layer.output_dim
    layer.queries_keys_values = cut(layer.queries_keys_values, rows=(blocks + places).flatten())
    layer.attended = cut(layer.attended, columns=places)
    distance = layer.distance.weight[:, kept]
    layer.distance = nn.Embedding(*distance.shape).to(distance)
    layer.distance.weight.copy_(distance)
    layer.num_heads = len(kept)


@torch.no_grad()
def cut(
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
