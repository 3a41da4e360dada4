"""What a search tells while it goes on.  Plain values, so that they pass between processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dovetail.lab.search.records import Record
from dovetail.lab.search.space import Values


@dataclass(frozen=True)
class SearchStarted:
    """What the search stands on; if it goes on with an earlier one, `done` trials are over.

    `outside` are the values of the start that the space lacks: then it is not the first trial.
    """

    warnings: tuple[str, ...]
    train: int
    dev: int
    done: int
    best: Record | None
    outside: Values


@dataclass(frozen=True)
class TrialStarted:
    """A trial begins; `changes` are its values that are not those of the start."""

    number: int
    changes: Values
    is_start: bool


@dataclass(frozen=True)
class TrialStage:
    """What is done in a trial beside its epochs, and how far it is, if `total` is not 0."""

    number: int
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class TrialEpoch:
    """An epoch of a trial is over; `score` is the best so far."""

    number: int
    epoch: int
    epochs: int
    score: float


@dataclass(frozen=True)
class TrialEnded:
    """A trial is over."""

    record: Record


@dataclass(frozen=True)
class TrialInterrupted:
    """A trial was stopped, and will be repeated when the search goes on."""

    number: int


@dataclass(frozen=True)
class WaitingForOthers:
    """Nothing is left but trials that other processes run, or have left when they died."""

    running: int
    at_most_seconds: int


@dataclass(frozen=True)
class ProcessEnded:
    """A process of the search ended before its time; another one takes its place."""

    reason: str


Event = (
    SearchStarted
    | TrialStarted
    | TrialStage
    | TrialEpoch
    | TrialEnded
    | TrialInterrupted
    | WaitingForOthers
    | ProcessEnded
)

Notify = Callable[[Event], None]
"""What is called with every event."""

ShouldStop = Callable[[], bool]
"""Asked between the steps of training: whether the search is to stop now."""
