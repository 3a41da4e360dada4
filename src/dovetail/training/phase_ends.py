"""When a phase of training, and when all of it, is over."""

from __future__ import annotations

from dovetail.strategies.curriculum import Curriculum
from dovetail.training.checkpoint import Progress


def phase_is_over(curriculum: Curriculum, progress: Progress, patience_epochs: int) -> bool:
    """Whether the last epoch of the phase is done, or patience is at its end."""
    done = progress.epoch - progress.phase_start
    waited = progress.epoch - progress.best_epoch
    return done >= curriculum[progress.phase].epochs or 0 < patience_epochs <= waited


def is_over(curriculum: Curriculum, progress: Progress, patience_epochs: int) -> bool:
    """Whether the last phase is over."""
    is_last = progress.phase == len(curriculum) - 1
    return is_last and phase_is_over(curriculum, progress, patience_epochs)
