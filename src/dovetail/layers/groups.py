"""The parts of a layer that can be switched off as one: units and attention heads.

A group is all that makes a unit: if its weights are zero, the unit is zero for every input.

* recurrent layer: unit j of one direction is its rows, one for each gate, in W_ih, in W_hh and in
  both biases (with zero rows the state of a GRU or LSTM unit stays at zero);
* transformer layer: a head is its rows for queries, keys and values; a hidden unit is its row of
  the upward projection and its bias (gelu(0) = 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from dovetail.layers.recurrent import GATES, BidirectionalLayer
from dovetail.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True)
class Groups:
    """Groups of one sort in a layer.

    Each parameter has `parts` blocks of rows (one for each gate), and group j is the j-th of
    `number` equal slices of every block.
    """

    name: str
    parameters: tuple[Tensor, ...]
    parts: int
    number: int

    def gather(self, tensors: Sequence[Tensor]) -> Float[Tensor, "groups size"]:
        """A row for each group, out of tensors that are shaped as the parameters."""
        return torch.cat([self._slices(tensor).flatten(1) for tensor in tensors], dim=1)

    def scatter(self, tensors: Sequence[Tensor], values: Float[Tensor, "groups size"]) -> None:
        """Write rows back to where `gather` takes them from."""
        slices = [self._slices(tensor) for tensor in tensors]
        widths = [own[0].numel() for own in slices]
        for own, rows in zip(slices, torch.split(values, widths, dim=1), strict=True):
            own.copy_(rows.view_as(own))

    def alive(self) -> Bool[Tensor, " groups"]:
        """Which groups hold a number other than zero."""
        return self.gather([parameter.detach() for parameter in self.parameters]).any(1)

    def _slices(self, tensor: Tensor) -> Tensor:
        """A view of (groups, parts, rest)."""
        return tensor.view(self.parts, self.number, -1).transpose(0, 1)


def groups_of(layer: nn.Module) -> list[Groups]:
    """The groups of a layer, sort by sort.

    Raises:
        TypeError: if the layer is neither recurrent nor a transformer layer.
    """
    match layer:
        case BidirectionalLayer():
            directions = {"forwards": layer.forwards, "backwards": layer.backwards}
            return [
                Groups(
                    name,
                    tuple(cell.parameters()),
                    parts=GATES[type(cell)],
                    number=cell.hidden_size,
                )
                for name, cell in directions.items()
            ]
        case TransformerLayer():
            rows = layer.queries_keys_values.weight
            return [
                Groups("heads", (rows,), 3, layer.num_heads),
                Groups("units", (layer.up.weight, layer.up.bias), 1, layer.up.out_features),
            ]
        case _:
            raise TypeError(f"expected a recurrent or a transformer layer, found {type(layer)}")


def layers_with_groups(module: nn.Module) -> list[nn.Module]:
    """The layers inside a module that have groups, from the bottom to the top."""
    kinds = (BidirectionalLayer, TransformerLayer)
    return [part for part in module.modules() if isinstance(part, kinds)]
