"""The heads' losses against the gold annotations: L = w_e L_entity + w_r L_relation."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from dovetail.objectives.objective import Objective
from dovetail.objectives.outputs import Outputs
from dovetail.tensors.features import Batch


class Supervised(Objective):
    """Each task's own loss, weighted (Crone 2020: weight 1 for entities, lambda for relations)."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The weighted loss of each task."""
        return {task: self.weights[task] * loss for task, loss in outputs.losses.items()}
