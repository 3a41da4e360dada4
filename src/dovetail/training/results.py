"""The results that the training loop yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dovetail.evaluation import Evaluation


@dataclass(frozen=True)
class StageProgress:
    """Work beside the steps of training, in words, and how far it is.

    That is counted in tokens, which time goes by; `total` is 0 where it cannot be told.
    """

    stage: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class StepResult:
    """One optimiser step: where it stands in its epoch, and how many sentences it read.

    Epochs are counted over all phases; `epochs` is the most that there can be.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    losses: Mapping[str, float]
    sentences: int


@dataclass(frozen=True)
class EpochResult:
    """One pass over the training sentences, and the dev scores after it.

    `losses` are means over the steps.  Epochs are counted over all phases, of which each has a best
    epoch of its own.  `score` is what it is chosen by; without a dev set that is the epoch's
    number, so that the last one is kept.
    """

    phase: str
    epoch: int
    epochs: int
    losses: Mapping[str, float]
    dev: Evaluation | None
    score: float
    best_epoch: int
    learning_rate: float
    seconds: float
    sentences_per_second: float

    @property
    def is_best(self) -> bool:
        """Whether no epoch of the phase before was as good."""
        return self.best_epoch == self.epoch


LoopEvent = StepResult | StageProgress | EpochResult
"""The loop yields the progress of an epoch's scoring after its steps, then the epoch."""


@dataclass(frozen=True)
class RunFinished:
    """Where the model is, its dev scores with the thresholds in force, and how training ended."""

    model_folder: Path
    dev: Evaluation | None
    best_epoch: int
    epochs: int
    interrupted: bool
