"""Recurrent layers of which only some units are read: first masked, then made smaller.

A unit whose output nobody reads still feeds the others through the recurrence.  Once that is masked
as well, by zeros in the unit's column of the recurrent weights, the unit can be removed and the
rest stays exactly as it is.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dovetail.layers.recurrent import BidirectionalLayer, reversal

DIRECTIONS = ("forwards", "backwards")
"""The two halves of a layer's units, in this order."""

RECURRENT_WEIGHTS = tuple(f"{direction}.weight_hh_l0" for direction in DIRECTIONS)


def masked_recurrence(layer: nn.Module, kept: Float[Tensor, " units"]) -> dict[str, Tensor]:
    """The recurrent weights with which the units that are kept (1) ignore the others (0).

    Weights of a layer by their names in it, for `run_with`; none of a layer without a recurrence.
    """
    if not isinstance(layer, BidirectionalLayer):
        return {}
    return {
        name: layer.get_parameter(name) * half
        for name, half in zip(RECURRENT_WEIGHTS, kept.chunk(2), strict=True)
    }


def keep_units(layer: nn.Module, kept: Bool[Tensor, " units"]) -> nn.Module:
    """The layer for inference without the units that nobody reads, if they can be removed.

    They cannot from a layer that is not recurrent: it stays as it is.
    """
    if not isinstance(layer, BidirectionalLayer) or bool(kept.all()):
        return layer
    return KeptUnits(layer, kept)


class KeptUnits(nn.Module):
    """Some units of a recurrent layer, for inference; the output has zeros for the others.

    A direction of k units has 4k(D + k + 2) parameters in an LSTM and 3k(D + k + 2) in a GRU, where
    D is the input's width.

    Args:
        layer: the layer that the units are copied from; it may not normalise its output.
        kept: which units are kept, those that read forwards first; at least one.
    """

    def __init__(self, layer: BidirectionalLayer, kept: Bool[Tensor, " units"]) -> None:
        super().__init__()
        self.output_dim = layer.output_dim
        self.register_buffer("places", kept.nonzero().squeeze(1), persistent=False)
        halves = zip(DIRECTIONS, kept.chunk(2), strict=True)
        self.directions = nn.ModuleDict(
            {name: _smaller(layer.get_submodule(name), half) for name, half in halves if half.any()}
        )

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """What the layer gives for these units; padded positions hold values that mean nothing."""
        found = []
        for name, cell in self.directions.items():
            if name == "forwards":
                found.append(cell(tokens)[0])
            else:
                order = reversal(mask).unsqueeze(2)
                behind, _ = cell(tokens.gather(1, order.expand_as(tokens)))
                found.append(behind.gather(1, order.expand_as(behind)))
        states = torch.cat(found, dim=2)
        empty = states.new_zeros(*states.shape[:2], self.output_dim)
        return empty.index_copy(2, self.get_buffer("places"), states)


def _smaller(cell: nn.Module, kept: Bool[Tensor, " units"]) -> nn.Module:
    """A recurrent cell with some units of another one."""
    kind = nn.GRU if isinstance(cell, nn.GRU) else nn.LSTM
    input_dim = cell.get_parameter("weight_ih_l0").shape[1]
    smaller = kind(input_dim, int(kept.sum()), batch_first=True)
    for name, parameter in smaller.named_parameters():
        whole = cell.get_parameter(name).detach()
        # The rows are those of the cell's inner gates, one block of all units after the other.
        rows = whole[kept.repeat(len(whole) // len(kept))]
        parameter.data = rows[:, kept] if "weight_hh" in name else rows
    return smaller
