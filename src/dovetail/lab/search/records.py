"""A trial as one record: what was tried, how it went, and what it reached on the dev set.

The storage may hold more trials than count: one that was interrupted, or whose process ended, is
repeated under another number, and one beyond the number that was asked for is none at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from dovetail.lab.search.space import Space, Values

State = Literal["complete", "pruned", "refused", "failed", "running", "waiting"]

# Names of what a trial says of itself in the storage.
ERROR, REFUSED, SURPLUS = "error", "refused", "surplus"
REPEATS, DEATHS = "repeats", "deaths"
RESULT = "result"

LOST = "its process ended before the trial did, each time that it was tried"


@dataclass(frozen=True)
class Result:
    """The best epoch's strict micro-F1 scores, and the cost of training."""

    entity_f1: float
    relation_f1: float
    best_epoch: int
    epochs: int
    trained_parameters: int


@dataclass(frozen=True)
class Record:
    """A trial that counts; `score` is the dev score that the search is after.

    A pruned trial has the score of its best epoch so far.  `message` says why a trial failed, or
    why the config refused its values.
    """

    number: int
    state: State
    values: Values
    is_start: bool
    score: float | None = None
    result: Result | None = None
    seconds: float | None = None
    message: str = ""

    @property
    def is_done(self) -> bool:
        """Whether the trial is over, well or not."""
        return self.state not in ("running", "waiting")


def records(study: optuna.Study, space: Space) -> list[Record]:
    """The trials of a study that count, by their numbers."""
    trials = study.get_trials(deepcopy=False)
    return [record_from_trial(trial, space) for trial in counted(trials)]


def counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials without those that were repeated, and those beyond the number asked for."""
    repeated = {number for trial in trials for number in trial.user_attrs.get(REPEATS, ())}
    return [
        trial
        for trial in trials
        if trial.number not in repeated and not trial.user_attrs.get(SURPLUS)
    ]


def record_from_trial(trial: FrozenTrial, space: Space) -> Record:
    """The record of a trial."""
    values = space.values(trial.params)
    stored = trial.user_attrs.get(RESULT)
    reached = trial.intermediate_values.values()
    duration = trial.duration
    return Record(
        number=trial.number,
        state=_state(trial),
        values=values,
        is_start=space.is_start(values),
        score=trial.value if trial.state == TrialState.COMPLETE else max(reached, default=None),
        result=None if stored is None else Result(**stored),
        seconds=None if duration is None else duration.total_seconds(),
        message=_message(trial),
    )


def _state(trial: FrozenTrial) -> State:
    if REFUSED in trial.user_attrs:
        return "refused"
    states: dict[TrialState, State] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
        TrialState.RUNNING: "running",
        TrialState.WAITING: "waiting",
    }
    return states[trial.state]


def _message(trial: FrozenTrial) -> str:
    attributes: dict[str, Any] = trial.user_attrs
    if REFUSED in attributes:
        return str(attributes[REFUSED])
    if trial.state == TrialState.FAIL:
        return str(attributes.get(ERROR, LOST))
    return ""


def best_of(found: Iterable[Record]) -> Record | None:
    """The complete trial with the best score; of equal ones the first."""
    complete = [record for record in found if record.state == "complete"]
    return max(complete, key=lambda record: record.score or 0.0, default=None)
