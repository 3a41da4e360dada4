"""What is trained, on what, for how long: ordered phases.  The default is one joint phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch.optim import Optimizer

from dovetail.model.joint import JointModel
from dovetail.objectives import Objective
from dovetail.training.checkpoint import Progress


def everything(parameter: str) -> bool:
    """Every parameter that is not frozen anyway."""
    return True


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one optimiser.

    The optimiser is built from the parameters that `trains` names; the others are absent from it,
    so that neither decay nor momentum can move them.  `begin` changes the model before the first
    step, and `after_step` after each one, given the optimiser, which knows the step sizes and the
    moments of the gradients.
    """

    name: str
    epochs: int
    objectives: tuple[Objective, ...]
    trains: Callable[[str], bool] = everything
    begin: Callable[[JointModel], None] | None = None
    after_step: Callable[[JointModel, Optimizer], None] | None = None


Curriculum = tuple[Phase, ...]


def phase_is_over(curriculum: Curriculum, progress: Progress, patience_epochs: int) -> bool:
    """Whether the last epoch of the phase is done, or patience is at its end."""
    done = progress.epoch - progress.phase_start
    waited = progress.epoch - progress.best_epoch
    return done >= curriculum[progress.phase].epochs or 0 < patience_epochs <= waited


def is_over(curriculum: Curriculum, progress: Progress, patience_epochs: int) -> bool:
    """Whether the last phase is over."""
    is_last = progress.phase == len(curriculum) - 1
    return is_last and phase_is_over(curriculum, progress, patience_epochs)
