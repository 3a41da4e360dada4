"""A bidirectional recurrent layer over right-padded sentences.

The backward direction reads each sentence reversed within its own length, so it never sees padding
and the layer needs no packing: both directions take their input projections for all tokens at once.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.layers.dropout import Dropout
from dovetail.layers.gru import bidirectional_gru

Cell = Literal["gru", "lstm"]
CELLS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}
GATES: dict[type[nn.Module], int] = {nn.GRU: 3, nn.LSTM: 4}
"""Blocks of rows in the weights of a cell."""


def reversal(mask: Bool[Tensor, "batch tokens"]) -> Int[Tensor, "batch tokens"]:
    """Positions that reverse each sentence within its length and leave padding where it is."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    lengths = mask.sum(1, keepdim=True)
    return torch.where(mask, lengths - 1 - positions, positions)


def states_from_the_end(
    cell: nn.Module,
    tokens: Float[Tensor, "batch tokens input_dim"],
    mask: Bool[Tensor, "batch tokens"],
) -> Float[Tensor, "batch tokens hidden_dim"]:
    """The states of a recurrent cell that reads each sentence from its last token to its first."""
    order = reversal(mask).unsqueeze(2)
    behind, _ = cell(tokens.gather(1, order.expand_as(tokens)))
    states: Tensor = behind.gather(1, order.expand_as(behind))
    return states


class BidirectionalLayer(nn.Module):
    """One recurrent layer that reads a sentence in both directions.

    Args:
        cell: "gru" or "lstm".
        input_dim: width of a token vector coming in.
        hidden_dim: units per direction; the output is twice as wide.
        dropout: share of the input's values that training sets to zero, before the layer.
        normalise: whether the output is layer-normalised.

    Raises:
        ValueError: if the cell is unknown.
    """

    def __init__(
        self,
        cell: str,
        *,
        input_dim: int,
        hidden_dim: int,
        dropout: float = 0.0,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"unknown recurrent cell {cell!r}; known: {', '.join(CELLS)}")
        self.forwards = CELLS[cell](input_dim, hidden_dim, batch_first=True)
        self.backwards = CELLS[cell](input_dim, hidden_dim, batch_first=True)
        self.dropout = Dropout(dropout)
        self.output_dim = 2 * hidden_dim
        self.normalise = nn.LayerNorm(self.output_dim) if normalise else nn.Identity()
        self._initialise()

    def _initialise(self) -> None:
        """Orthogonal recurrent weights and Glorot input weights train deeper stacks faster."""
        for name, parameter in self.named_parameters():
            if "weight_hh" in name:
                for gate in parameter.data.chunk(parameter.shape[0] // parameter.shape[1]):
                    nn.init.orthogonal_(gate)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(parameter)
            elif "bias" in name and "normalise" not in name:
                nn.init.zeros_(parameter)

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """Token vectors in context; padded positions hold values that mean nothing."""
        tokens = self.dropout(tokens)
        forwards, backwards = self.forwards, self.backwards
        if tokens.is_cpu and isinstance(forwards, nn.GRU) and isinstance(backwards, nn.GRU):
            states = bidirectional_gru(tokens, mask, forwards, backwards)
        else:
            states = self._states(tokens, mask)
        return self.normalise(states)

    def _states(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Run torch's own kernels, which are the fastest for LSTMs and for other devices."""
        ahead, _ = self.forwards(tokens)
        return torch.cat([ahead, states_from_the_end(self.backwards, tokens, mask)], dim=2)
