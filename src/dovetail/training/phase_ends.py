"""When a phase of training, and when all of it, is over."""

from __future__ import annotations

from dovetail.strategies.curriculum import Curriculum
from dovetail.training.checkpoint import Progress


def phase_is_over(curriculum: Curriculum, progress: Progress, patience_epochs: int) -> bool:
    """Whether the last epoch of the phase is done, or patience is at its end.

    No patience ends a phase after which training starts afresh.
    """
    done = progress.epoch - progress.phase_start
    if done >= curriculum[progress.phase].epochs:
        return True
    waited = progress.epoch - progress.best_epoch
    return 0 < patience_epochs <= waited and not afresh_after(curriculum, progress)


def afresh_after(curriculum: Curriculum, progress: Progress) -> bool:
    """Whether a phase follows that starts afresh."""
    following = curriculum[progress.phase + 1 :]
    return bool(following) and following[0].afresh


def is_over(curriculum: Curriculum, progress: Progress, patience_epochs: int) -> bool:
    """Whether the last phase is over."""
    is_last = progress.phase == len(curriculum) - 1
    return is_last and phase_is_over(curriculum, progress, patience_epochs)
