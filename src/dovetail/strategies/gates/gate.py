"""A gate for each unit of a layer: open (1) or closed (0), learned or fixed."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

SPEED = 10.0
"""The optimiser moves all parameters by steps of about the learning rate, and a gate has to go a
long way.  So it learns a tenth of what it stands for."""

SPREAD = 0.1
"""Standard deviation with which learned gates start around 0, half of them open."""


class Gate(nn.Module):
    """A number for each unit of a layer, or one for all; open where it is not negative.

    The gradient of a learned gate is that of the sigmoid of its number: straight through the
    rounding (Bengio et al. 2013).

    Args:
        scores: the scores that the gate starts with.
        units: how many units there are.
        learned: whether training moves the scores.
    """

    def __init__(self, scores: Float[Tensor, " scores"], units: int, *, learned: bool) -> None:
        super().__init__()
        self.units = units
        if learned:
            self.scores = nn.Parameter(scores / SPEED)
        else:
            self.register_buffer("scores", scores / SPEED)
        self.register_buffer("shut", torch.tensor(False))

    @classmethod
    def learned(cls, units: int, *, each: bool = True) -> Gate:
        """A gate to learn, with a number for each unit or one for all."""
        return cls(SPREAD * torch.randn(units if each else 1), units, learned=True)

    @classmethod
    def random(cls, units: int, share: float) -> Gate:
        """A fixed gate in which a share of the units is open, drawn at random."""
        return cls.fixed(torch.randperm(units) < round(share * units))

    @classmethod
    def fixed(cls, opened: Bool[Tensor, " units"]) -> Gate:
        """A gate in which these units are open."""
        return cls(2 * opened.float() - 1, len(opened), learned=False)

    def forward(self) -> Float[Tensor, " units"]:
        """1 for each open unit, 0 for the others, and for all while the gate is shut."""
        soft = torch.sigmoid(SPEED * self.scores)
        if bool(self.get_buffer("shut")):
            return torch.zeros_like(soft).expand(self.units)
        # The bracket is exactly zero, and has the gradient.
        opened = (self.scores >= 0).to(soft.dtype) + (soft - soft.detach())
        return opened.expand(self.units)
