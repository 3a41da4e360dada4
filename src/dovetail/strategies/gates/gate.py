"""A gate for each unit of a layer: open (1) or closed (0), learned or fixed."""

from __future__ import annotations

from collections.abc import Sequence

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
        alone: whether there is a time in which it is held open.
    """

    def __init__(
        self, scores: Float[Tensor, " scores"], units: int, *, learned: bool, alone: bool = False
    ) -> None:
        super().__init__()
        self.units = units
        if learned:
            self.scores = nn.Parameter(scores / SPEED)
        else:
            self.register_buffer("scores", scores / SPEED)
        self.register_buffer("shut", torch.tensor(False))
        self.alone = alone
        if alone:
            self.register_buffer("opened", torch.tensor(False))

    @classmethod
    def learned(cls, units: int, *, each: bool = True, alone: bool = False) -> Gate:
        """A gate to learn, with a number for each unit or one for all.

        What has been held open starts open, since the task's own units fit each other then.
        """
        scores = SPREAD * torch.randn(units if each else 1)
        return cls(scores.abs() if alone else scores, units, learned=True, alone=alone)

    @classmethod
    def random(cls, sorts: Sequence[int], share: float, *, alone: bool = False) -> Gate:
        """A fixed gate in which a share of the units of each sort is open, drawn at random."""
        drawn = [torch.randperm(units) < round(share * units) for units in sorts]
        return cls.fixed(torch.cat(drawn), alone=alone)

    @classmethod
    def fixed(cls, opened: Bool[Tensor, " units"], *, alone: bool = False) -> Gate:
        """A gate in which these units are open."""
        return cls(2 * opened.float() - 1, len(opened), learned=False, alone=alone)

    def hold(self, opened: bool | None) -> None:
        """Hold all units open or closed, or let the scores decide again.

        Raises:
            ValueError: if it is to be held open and was not made for that.
        """
        if opened and not self.alone:
            raise ValueError("expected a gate that can be held open: make it with alone=True")
        self.get_buffer("shut").fill_(opened is False)
        if self.alone:
            self.get_buffer("opened").fill_(opened is True)

    def forward(self) -> Float[Tensor, " units"]:
        """1 for each open unit, 0 for the others; all are the same while the gate is held."""
        soft = torch.sigmoid(SPEED * self.scores)
        if bool(self.get_buffer("shut")):
            return torch.zeros_like(soft).expand(self.units)
        if self.alone and bool(self.get_buffer("opened")):
            return torch.ones_like(soft).expand(self.units)
        # The bracket is exactly zero, and has the gradient.
        opened = (self.scores >= 0).to(soft.dtype) + (soft - soft.detach())
        return opened.expand(self.units)
