"""Objectives: from what the model puts out for a batch to named loss terms."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dovetail.strategies.objective import Objective, Outputs, Penalties
from dovetail.tensors.features import Batch

__all__ = ["Balanced", "Distilled", "Objective", "Outputs", "Penalties", "Supervised"]

BALANCE = "balance"
"""The name of what the factors cost among the loss terms."""


class Supervised(Objective):
    """The heads' losses against the gold annotations: L = w_e L_entity + w_r L_relation.

    Each task's own loss, weighted (Crone 2020: weight 1 for entities, lambda for relations); those
    of tasks without a weight are left out.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The weighted loss of each task."""
        losses = outputs.losses
        return {task: own * losses[task] for task, own in self.weights.items() if task in losses}


class Balanced(Supervised):
    """The heads' losses with factors that training learns beside the weights (Kendall et al. 2018).

    L = sum over tasks of exp(-s_t) w_t L_t + s_t, where s_t is learned from zero.

    So a task whose loss stays large weighs less: at the optimum exp(s_t) is its weighted loss.  In
    the form that LOMT (2024) uses; at the start it is the fixed sum.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__(weights)
        learned = (task for task, weight in weights.items() if weight)
        # Scalars, which weight decay leaves alone.
        self.scales = nn.ParameterDict({task: nn.Parameter(torch.zeros(())) for task in learned})

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The loss of each task, weighted and scaled, and the sum of the s_t."""
        terms = super().forward(outputs, batch, step)
        # A batch has the tasks of one schema: what the scales of others cost is not its business.
        present = {task: scale for task, scale in self.scales.items() if task in terms}
        for task, scale in present.items():
            terms[task] = torch.exp(-scale) * terms[task]
        return {**terms, BALANCE: torch.stack([*present.values()]).sum()}


class Distilled(Objective):
    """How far each task's head is from the teacher's, weighted: zero where they say the same.

    Knowledge distillation (Hinton et al. 2015).
    """

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
