"""The search in one process: trial after trial, until enough of them are over.

Knows what a trial is and what becomes of it; how a config gets its score, it is told.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from dovetail.config import Config
from dovetail.errors import ConfigError, DovetailError, TrainingError
from dovetail.lab.search.events import (
    Notify,
    ShouldStop,
    TrialEnded,
    TrialEpoch,
    TrialInterrupted,
    TrialStage,
    TrialStarted,
    WaitingForOthers,
)
from dovetail.lab.search.records import (
    ERROR,
    REFUSED,
    RESULT,
    SURPLUS,
    Result,
    counted,
    record_from_trial,
)
from dovetail.lab.search.study import Task, open_study, repeat, storage_errors
from dovetail.training.results import StageProgress

HOPELESS = 3
"""So many failures before the first success, and it is not the trials that are wrong."""

LONGEST_MESSAGE = 1000
"""Characters of an error message that are kept."""

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Progress:
    """The score of an epoch, and the result if it were the last one."""

    epoch: int
    epochs: int
    score: float
    result: Result


class Objective(Protocol):
    """What gives a config its score."""

    def __call__(
        self, config: Config, should_stop: ShouldStop
    ) -> Iterator[StageProgress | Progress]:
        """Yield each epoch, and what is done beside; raises `Interrupted` when it should stop."""
        ...


class Interrupted(Exception):  # noqa: N818 (no error: somebody asked for it)
    """A trial was stopped from outside."""


class _Surplus(Exception):  # noqa: N818 (no error: another process was quicker)
    """The trial is one more than was asked for."""


class Search:
    """Runs trials of a task in this process, beside whoever else does.

    Args:
        task: the search.
        objective: what gives a config its score.
        notify: what is told.
        should_stop: asked between steps.
    """

    def __init__(
        self, task: Task, objective: Objective, *, notify: Notify, should_stop: ShouldStop
    ) -> None:
        self.task = task
        self.study = open_study(task)
        self._objective = objective
        self._notify = notify
        self._should_stop = should_stop
        self._failures: list[str] = []

    def run(self) -> None:
        """Run trials until there are as many as asked for, or it should stop.

        Raises:
            TrainingError: if the first trials all fail, or the storage does.
        """
        told_of = -1
        while not self._should_stop():
            with storage_errors(self.task.storage):
                running, is_open = self._look()
                if is_open:
                    self._run_trial()
                    continue
            if not running:
                return
            if running != told_of:  # once for each number, and not every second
                self._notify(WaitingForOthers(running, 6 * self.task.heartbeat_seconds))
                told_of = running
            time.sleep(min(1.0, self.task.heartbeat_seconds / 5))

    def _look(self) -> tuple[int, bool]:
        """How many trials others run, and whether there is one for this process to run."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(self.study)
        states = [trial.state for trial in counted(self.study.get_trials(deepcopy=False))]
        begun = sum(state != TrialState.WAITING for state in states)
        running = states.count(TrialState.RUNNING)
        return running, begun < self.task.trials

    def _run_trial(self) -> None:
        trial: Trial | None = None

        def objective(asked: Trial) -> float:
            nonlocal trial
            trial = asked
            return self._score(asked)

        try:
            self.study.optimize(objective, n_trials=1, catch=(Exception,))
        except (ValueError, UpdateFinishedTrialError):
            # This process was so slow that it counted as dead, and another one repeats the trial.
            if trial is None or not self._frozen(trial).state.is_finished():
                raise
        finally:
            # Also when a second Ctrl-C ends the program at once.
            if trial is not None:
                self._after(self._frozen(trial))

    def _frozen(self, trial: Trial) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[trial.number]

    def _after(self, trial: FrozenTrial) -> None:
        """Tell what became of a trial, and have it repeated if it was interrupted."""
        if trial.user_attrs.get(SURPLUS):
            return
        if trial.state == TrialState.FAIL and ERROR not in trial.user_attrs:
            known = counted(self.study.get_trials(deepcopy=False))
            if any(own.number == trial.number for own in known):
                repeat(self.study, trial)
            self._notify(TrialInterrupted(trial.number))
            return
        self._notify(TrialEnded(record_from_trial(trial, self.task.space)))
        if trial.state != TrialState.FAIL:
            self._failures = []
            return
        self._failures.append(trial.user_attrs[ERROR])
        if len(self._failures) == HOPELESS and not self._has_success():
            raise TrainingError(
                f"the first {HOPELESS} trials all failed, so the search ends; the last one: "
                f"{self._failures[-1]}"
            )

    def _has_success(self) -> bool:
        trials: Sequence[FrozenTrial] = self.study.get_trials(
            deepcopy=False, states=(TrialState.COMPLETE,)
        )
        return bool(trials)

    def _score(self, trial: Trial) -> float:
        """Train with the values of a trial; returns the best dev score of its epochs."""
        self._give_way(trial)
        space = self.task.space
        values = space.suggest(trial)
        self._notify(TrialStarted(trial.number, space.changes(values), space.is_start(values)))
        try:
            config = space.config(values)
        except ConfigError as error:
            trial.set_user_attr(REFUSED, str(error).removeprefix("config: "))
            trial.set_constraint("config", 1.0)  # TPE learns that there is nothing to be had
            raise optuna.TrialPruned from None
        try:
            return self._train(trial, config)
        except (optuna.TrialPruned, Interrupted):
            raise
        except Exception as error:
            trial.set_user_attr(ERROR, message_of(error))
            raise

    def _give_way(self, trial: Trial) -> None:
        """End a trial that is one too many because processes began theirs at the same time."""
        earlier = [
            other
            for other in counted(self.study.get_trials(deepcopy=False))
            if other.number < trial.number and other.state != TrialState.WAITING
        ]
        if len(earlier) >= self.task.trials:
            trial.set_user_attr(SURPLUS, True)
            raise _Surplus

    def _train(self, trial: Trial, config: Config) -> float:
        best, result = 0.0, None
        for progress in self._objective(config, self._should_stop):
            if isinstance(progress, StageProgress):
                told = (progress.stage, progress.done, progress.total)
                self._notify(TrialStage(trial.number, *told))
                continue
            best, result = max(best, progress.score), asdict(progress.result)
            trial.report(best, progress.epoch)
            self._notify(TrialEpoch(trial.number, progress.epoch, progress.epochs, best))
            if trial.should_prune():
                trial.set_user_attr(RESULT, result)
                raise optuna.TrialPruned
        trial.set_user_attr(RESULT, result)
        return best


def message_of(error: Exception) -> str:
    """What is kept of an error: the message, with the kind if it was not raised on purpose."""
    text = str(error)
    if not isinstance(error, DovetailError):
        text = f"{type(error).__name__}: {text}"
    return text[:LONGEST_MESSAGE]
