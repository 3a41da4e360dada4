"""Recurrent layers of which only some units are read: first masked, then made smaller.

A unit whose output nobody reads still feeds the others through the recurrence.  Once that is masked
as well, by zeros in the unit's column of the recurrent weights, the unit can be removed and the
rest stays exactly as it is.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.layers.recurrent import BidirectionalLayer, states_from_the_end

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
        cells = (layer.forwards, layer.backwards)
        self.directions = nn.ModuleDict(
            {
                name: cut_cell(cell, half.nonzero().squeeze(1))
                for name, cell, half in zip(DIRECTIONS, cells, kept.chunk(2), strict=True)
                if half.any()
            }
        )

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """The layer's outputs for these units; padded positions hold values that mean nothing."""
        found = [
            cell(tokens)[0] if name == "forwards" else states_from_the_end(cell, tokens, mask)
            for name, cell in self.directions.items()
        ]
        states = torch.cat(found, dim=2)
        empty = states.new_zeros(*states.shape[:2], self.output_dim)
        return empty.index_copy(2, self.get_buffer("places"), states)


@torch.no_grad()
def cut_cell(cell: nn.GRU | nn.LSTM, kept: Int[Tensor, " kept"]) -> nn.GRU | nn.LSTM:
    """A cell of some of the units."""
    smaller = type(cell)(cell.input_size, len(kept), batch_first=True).to(
        cell.get_parameter("weight_hh_l0")
    )
    for name, parameter in cell.named_parameters():
        # A row for each unit of each inner gate, one gate after the other.
        rows = parameter.view(-1, cell.hidden_size, parameter[0].numel())[:, kept]
        if name.startswith("weight_hh"):
            rows = rows[:, :, kept]
        own = smaller.get_parameter(name)
        own.copy_(rows.reshape(own.shape))
    return smaller
