"""Objectives: from what the model puts out for a batch to named loss terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.sharing import Streams
from dovetail.tensors.features import Batch

__all__ = ["Balanced", "Distilled", "Objective", "Outputs", "Penalties", "Supervised"]

BALANCE = "balance"
"""The name of what the factors cost among the loss terms."""


class Outputs(NamedTuple):
    """The streams, what each head makes of them, and each head's own loss by task.

    The relation head reads the gold entities here, so that each task has its own signal; where
    training gives it predicted ones besides (`EntityLink`), they come after the gold ones.
    `taught` are the heads' losses against what a teacher says; there is none without a teacher.
    `penalties` are what the sharing adds to the loss, by name.
    """

    streams: Streams
    emissions: Float[Tensor, "batch tokens *scores"]
    relation_logits: Float[Tensor, "batch entities entities types"]
    losses: Mapping[str, Float[Tensor, ""]]
    taught: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})
    penalties: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})


class Objective(nn.Module, ABC):
    """Named loss terms of a batch; the sum over all objectives is what training minimises.

    An objective may own parameters; training gives them to the optimiser with the model's.
    """

    @abstractmethod
    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """Scalar terms by name, already weighted; `step` counts the optimiser's steps from 0."""


class Supervised(Objective):
    """The heads' losses against the gold annotations: L = w_e L_entity + w_r L_relation.

    Each task's own loss, weighted (Crone 2020: weight 1 for entities, lambda for relations).
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The weighted loss of each task."""
        return {task: self.weights[task] * loss for task, loss in outputs.losses.items()}


class Balanced(Supervised):
    """The heads' losses with factors that training learns beside the weights (Kendall et al. 2018).

    L = sum over tasks of exp(-s_t) w_t L_t + s_t, where s_t is learned from zero.

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


class Penalties(Objective):
    """The penalties of the sharing block, which weighs them itself, from a step of training on."""

    def __init__(self, first_step: int = 0) -> None:
        super().__init__()
        self.first_step = first_step

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The penalties by name; none of a block that has none, and none before their time."""
        return dict(outputs.penalties) if step >= self.first_step else {}
