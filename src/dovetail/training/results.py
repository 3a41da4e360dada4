"""What the training loop yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dovetail.evaluation import Evaluation


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
