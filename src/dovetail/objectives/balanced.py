"""The heads' losses with factors that training learns beside the weights (Kendall et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dovetail.objectives.outputs import Outputs
from dovetail.objectives.supervised import Supervised
from dovetail.tensors.features import Batch

BALANCE = "balance"
"""The name of what the factors cost among the loss terms."""


class Balanced(Supervised):
    """L = sum over tasks of exp(-s_t) w_t L_t + s_t, where s_t is learned from zero.

    So a task whose loss stays large weighs less: at the optimum exp(s_t) is its weighted loss.  In
    the form that LOMT (2024) uses; at the start it is the fixed sum.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__(weights)
        learned = (task for task, weight in weights.items() if weight)
        # Numbers without an axis, which weight decay leaves alone.
        self.scales = nn.ParameterDict({task: nn.Parameter(torch.zeros(())) for task in learned})

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The loss of each task, weighted and scaled, and the sum of the s_t."""
        terms = super().forward(outputs, batch, step)
        for task, scale in self.scales.items():
            terms[task] = torch.exp(-scale) * terms[task]
        return {**terms, BALANCE: torch.stack([*self.scales.values()]).sum()}
