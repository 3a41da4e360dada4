"""Training: phases, batches, the loop, checkpoints, and the folder that a run leaves."""

from dovetail.training.pools import Splits
from dovetail.training.results import (
    EpochResult,
    NotKept,
    RunFinished,
    StageProgress,
    StepResult,
)
from dovetail.training.run import RunEvent, RunStarted, train, training_events
from dovetail.training.teacher import TeachingProgress

__all__ = [
    "EpochResult",
    "NotKept",
    "RunEvent",
    "RunFinished",
    "RunStarted",
    "Splits",
    "StageProgress",
    "StepResult",
    "TeachingProgress",
    "train",
    "training_events",
]
