"""What training began with, kept where a phase starts afresh."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dovetail.model.joint import JointModel
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.training.checkpoint import copied


class InitialWeights:
    """Copies of all that training may change, made before it does; none where none are needed.

    A run that is resumed builds the same model from its seed, so they are in no checkpoint.

    Args:
        model: as it is built.
        objectives: of all phases.
        curriculum: says whether a phase starts afresh.
    """

    def __init__(
        self, model: JointModel, objectives: nn.ModuleList, curriculum: Curriculum
    ) -> None:
        needed = any(phase.afresh for phase in curriculum)
        self._of_model = copied(dict(model.trainable_parameters())) if needed else {}
        self._of_objectives: dict[nn.Module, dict[str, Tensor]] = {
            own: copied(dict(own.named_parameters())) for own in objectives if needed
        }

    @torch.no_grad()
    def put_back(self, model: JointModel, phase: Phase) -> None:
        """Give what a phase trains its first values again."""
        for name, parameter in model.trainable_parameters():
            if phase.trains(name):
                parameter.copy_(self._of_model[name])
        for objective in phase.objectives:
            for name, parameter in objective.named_parameters():
                parameter.copy_(self._of_objectives[objective][name])
