"""The heads' losses against a teacher's scores: knowledge distillation (Hinton et al. 2015)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from dovetail.objectives.objective import Objective
from dovetail.objectives.outputs import Outputs
from dovetail.tensors.features import Batch


class Distilled(Objective):
    """How far each task's head is from the teacher's, weighted: zero where they say the same."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The weighted loss of each task against the teacher.

        Raises:
            ValueError: if the batch has no teacher.
        """
        if not outputs.taught:
            raise ValueError("what the teacher says is missing: set Batch.taught")
        return {
            f"taught_{task}": self.weights[task] * loss for task, loss in outputs.taught.items()
        }
