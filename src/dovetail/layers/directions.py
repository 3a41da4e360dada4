"""The steps that recurrences of two directions at once have in common.

The second direction reads each sentence from its end: reversed, a sentence starts with its padding.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import linear


def of_both(name: str, forwards: nn.Module, backwards: nn.Module) -> list[Tensor]:
    """A weight of each direction."""
    # Not `get_parameter`: the layer may be run with tensors in place of its parameters.
    return [getattr(cell, name) for cell in (forwards, backwards)]


def projected_steps(
    tokens: Float[Tensor, "batch tokens input_dim"], forwards: nn.Module, backwards: nn.Module
) -> Float[Tensor, "tokens 2 batch rows"]:
    """The inputs of each direction's cell, by step: its own order of the input's projections."""
    weight, bias = (
        torch.cat(of_both(name, forwards, backwards)) for name in ("weight_ih_l0", "bias_ih_l0")
    )
    ahead, behind = linear(tokens, weight, bias).transpose(0, 1).chunk(2, dim=2)
    return torch.stack([ahead, behind.flip(0)], dim=1)


def joined(
    states: Float[Tensor, "tokens 2 batch hidden"],
) -> Float[Tensor, "batch tokens output_dim"]:
    """The states of both directions at each token, side by side."""
    return torch.cat([states[:, 0], states[:, 1].flip(0)], dim=2).transpose(0, 1)


def reversed_padding(mask: Bool[Tensor, "batch tokens"]) -> Bool[Tensor, "tokens batch 1"]:
    """Which steps of the second direction read padding."""
    return ~mask.t().flip(0).unsqueeze(2)
