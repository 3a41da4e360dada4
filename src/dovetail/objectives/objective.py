"""The abstraction behind everything that is learned from."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from dovetail.objectives.outputs import Outputs
from dovetail.tensors.features import Batch


class Objective(nn.Module, ABC):
    """Named loss terms of a batch; the sum over all objectives is what training minimises.

    An objective may own parameters; training gives them to the optimiser with the model's.
    """

    @abstractmethod
    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """Scalar terms by name, already weighted; `step` counts the optimiser's steps from 0."""
