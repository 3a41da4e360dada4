"""The results that the training loop yields."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.evaluation import Evaluation
from dovetail.text.named_schemas import ONLY, is_only


@dataclass(frozen=True)
class StageProgress:
    """Progress of work beside the steps of training, with its name in words.

    That is counted in tokens, which time goes by; `total` is 0 where it cannot be told.
    """

    stage: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class NotKept:
    """What frozen encoders make of some sentences is computed in each epoch: there is no room.

    `sentences` says which these are, and `num_bytes` how much room it would take.
    """

    sentences: str
    num_bytes: int


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


class Means:
    """The mean losses of an epoch, each over the steps that have it."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: Counter[str] = Counter()

    def add(self, losses: Mapping[str, float]) -> None:
        """Take in a step."""
        for name, loss in losses.items():
            self._sums[name] += loss / self._steps
            self._counts[name] += 1

    def by_name(self) -> dict[str, float]:
        """The means."""
        return {name: own * (self._steps / self._counts[name]) for name, own in self._sums.items()}


@dataclass(frozen=True)
class EpochResult:
    """One pass over the training sentences, and the dev scores of each corpus after it.

    `losses` are means over the steps that have them.  Epochs are counted over all phases, of which
    each has a best epoch of its own.  `score` is what it is chosen by; without a dev set that is
    the epoch's number, so that the last one is kept.
    """

    phase: str
    epoch: int
    epochs: int
    losses: Mapping[str, float]
    dev_by_corpus: Mapping[str, Evaluation]
    score: float
    best_epoch: int
    learning_rate: float
    seconds: float
    sentences_per_second: float

    @property
    def dev(self) -> Evaluation | None:
        """The dev scores where there is one corpus."""
        return self.dev_by_corpus.get(ONLY)

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
    dev_by_corpus: Mapping[str, Evaluation]
    best_epoch: int
    epochs: int
    interrupted: bool

    @property
    def dev(self) -> Evaluation | None:
        """The dev scores where there is one corpus."""
        return self.dev_by_corpus.get(ONLY)


def dev_values(dev_by_corpus: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Dev scores as JSON values: `dev` of a single corpus, `dev_by_corpus` of several."""
    if not dev_by_corpus:
        return {"dev": None}
    if is_only(dev_by_corpus):
        return {"dev": dev_by_corpus[ONLY].to_dict()}
    return {"dev_by_corpus": {name: own.to_dict() for name, own in dev_by_corpus.items()}}


def dev_from_values(values: Mapping[str, Any]) -> dict[str, Evaluation]:
    """Return the scores that `dev_values` wrote."""
    several = values.get("dev_by_corpus")
    if several is None:
        return {ONLY: Evaluation.from_dict(values["dev"])} if values["dev"] else {}
    return {name: Evaluation.from_dict(own) for name, own in several.items()}
