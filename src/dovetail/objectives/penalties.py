"""What the sharing adds to the loss, such as the price of numbers that a task keeps for itself."""

from __future__ import annotations

from torch import Tensor

from dovetail.objectives.objective import Objective
from dovetail.objectives.outputs import Outputs
from dovetail.tensors.features import Batch


class Penalties(Objective):
    """The penalties of the sharing block, which weighs them itself, from a step of training on."""

    def __init__(self, first_step: int = 0) -> None:
        super().__init__()
        self.first_step = first_step

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The penalties by name; none of a block that has none, and none before their time."""
        return dict(outputs.penalties) if step >= self.first_step else {}
