"""The search as a plan: its next cell is a trial whose values a sampler proposes.

Knows what a trial is and what becomes of it; how a config gets its score, its work knows.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from dovetail.config import Config
from dovetail.errors import ConfigError, TrainingError
from dovetail.lab.cell_events import Begun, Ended, Ending, Epoch, LabCell
from dovetail.lab.search.records import (
    ERROR,
    REFUSED,
    RESULT,
    SURPLUS,
    Record,
    Result,
    best_of,
    counted,
    record_from_trial,
    records,
)
from dovetail.lab.search.signs_of_life import SignsOfLife
from dovetail.lab.search.space import Values
from dovetail.lab.search.storage import Outages, storage_errors
from dovetail.lab.search.study import Task, open_study, repeat, repeat_dead
from dovetail.lab.workers import Steps, message_of

HOPELESS = 3
"""So many failures before the first success, and it is not the trials that are wrong."""


@dataclass(frozen=True)
class TrialCell(LabCell):
    """A trial to be trained; `changes` are its values that are not those of the start."""

    number: int
    config: Config
    changes: Values
    is_start: bool

    @property
    def key(self) -> str:
        """The name of the trial."""
        return f"trial {self.number:>3}"


Objective = Callable[[Config], Iterator[Any]]
"""Gives a config its score: yields an `Epoch` with a `Result` for each, and what it does beside."""


@dataclass(frozen=True)
class TrialWork:
    """Trains trials by an objective."""

    objective: Objective

    def __call__(self, cell: TrialCell) -> Steps:
        try:
            yield from self.objective(cell.config)
        except Exception as error:
            return Ended(cell, Ending.FAILED, message_of(error))
        return Ended(cell, Ending.FINISHED)


@dataclass
class _UnderWay:
    """A trial of ours: its best score so far, and what it came to if that were all."""

    trial: Trial
    best: float = 0.0
    result: Result | None = None


class Search:
    """The trials of a task that this process runs, beside whoever else does.

    Args:
        task: the search.
        data_digest: of its sentences, if they are known.
        tell: is told in a sentence when a server of trials goes away, and when it is back.

    Raises:
        TrainingError: if the storage cannot be used, or its study is one of something else.
    """

    def __init__(
        self,
        task: Task,
        *,
        data_digest: str = "",
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.task = task
        self._outages = Outages(tell)
        self.study = open_study(task, data_digest=data_digest, outages=self._outages)
        self._under_way: dict[str, _UnderWay] = {}
        self._alive = SignsOfLife(task)
        self._seen: set[int] = set()
        self._running, self._is_over, self._look_again = 0, False, 0.0
        self._failures: list[str] = []  # since the last success
        self._over: set[int] = set()
        self._found: list[Record] = []

    @property
    def elsewhere(self) -> int:
        return max(0, self._running - len(self._under_way))  # as it was at the last look

    def begun(self) -> Begun:
        with storage_errors(self.task.storage):
            done = [record for record in records(self.study, self.task.space) if record.is_done]
        self._over = {record.number for record in done}
        took = [own.seconds for own in done if own.seconds and own.state in ("complete", "pruned")]
        seconds = {"": took} if took else {}
        return Begun(self.task.trials, len(done), (), seconds, best_of(done))

    def is_over(self) -> bool:
        return self._is_over

    def next(self) -> TrialCell | Ended | None:
        """A trial for this process, unless there are enough; refused values end theirs at once.

        Raises:
            TrainingError: if the first trials all failed, or the storage does.
        """
        self._give_up_if_hopeless()
        if time.monotonic() < self._look_again:
            return None
        with storage_errors(self.task.storage):
            while self._is_open() or self._found:
                cell = self._found_elsewhere() if self._found else self._proposed()
                if cell is not None:
                    return cell
        self._look_again = time.monotonic() + min(0.5, self.task.heartbeat_seconds / 5)
        return None

    def _is_open(self) -> bool:
        """Look at what others run, and whether there is a trial for this process."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if running and self._outages.seconds_since > self.task.grace_seconds:
            # While the server was away nobody could give a sign of life; now they can again.
            with _experimental():
                optuna.storages.fail_stale_trials(self.study)
        trials = counted(self.study.get_trials(deepcopy=False))
        self._greet(trials)
        states = [trial.state for trial in trials]
        self._found = [
            record_from_trial(trial, self.task.space)
            for trial in trials
            if trial.state.is_finished() and trial.number not in self._over
        ]
        begun = sum(state != TrialState.WAITING for state in states)
        self._running = states.count(TrialState.RUNNING)
        self._is_over = begun >= self.task.trials and not self._running
        return begun < self.task.trials

    def _greet(self, trials: Sequence[FrozenTrial]) -> None:
        """Give one sign of life of each trial that is first seen to run.

        Its process may have died before it gave any, and a trial that never had one is never lost.
        """
        for trial in trials:
            if trial.state == TrialState.RUNNING and trial.number not in self._seen:
                self._seen.add(trial.number)
                self._alive.once(trial.number)

    def _found_elsewhere(self) -> Ended:
        """A trial that another process has finished since the last look."""
        record, space = self._found.pop(0), self.task.space
        self._over.add(record.number)
        changes = space.changes(record.values)
        cell = TrialCell(record.number, space.start, changes, record.is_start)
        return Ended(cell, Ending.FOUND, result=record)

    def _proposed(self) -> TrialCell | Ended | None:
        """A trial with new values, or with those of one that is repeated."""
        with _experimental():
            trial = self.study.ask()
        if self._is_surplus(trial):
            trial.set_user_attr(SURPLUS, True)
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        self._alive.add(trial.number)
        space = self.task.space
        values = space.suggest(trial)
        try:
            config, refusal = space.config(values), ""
        except ConfigError as error:
            config, refusal = space.start, str(error).removeprefix("config: ")
        cell = TrialCell(trial.number, config, space.changes(values), space.is_start(values))
        self._under_way[cell.key] = _UnderWay(trial)
        if not refusal:
            return cell
        trial.set_user_attr(REFUSED, refusal)
        trial.set_constraint("config", 1.0)  # TPE learns that there is nothing to be had
        return self.ended(Ended(cell, Ending.PRUNED))

    def _is_surplus(self, trial: Trial) -> bool:
        """Whether it is one too many because processes began theirs at the same time."""
        earlier = [
            other
            for other in counted(self.study.get_trials(deepcopy=False))
            if other.number < trial.number and other.state != TrialState.WAITING
        ]
        return len(earlier) >= self.task.trials

    def goes_on(self, cell: LabCell, epoch: Epoch) -> bool:
        own = self._under_way[cell.key]
        own.best, own.result = max(own.best, epoch.score), epoch.result
        with storage_errors(self.task.storage):
            try:
                own.trial.report(own.best, epoch.epoch)
            except UpdateFinishedTrialError:
                return False  # it counted as dead, and another process repeats it
            return not own.trial.should_prune()

    def ended(self, ended: Ended) -> Ended:
        own = self._under_way.pop(ended.cell.key)
        self._alive.remove(own.trial.number)
        with storage_errors(self.task.storage):
            try:
                self._tell(own, ended)
            except (ValueError, UpdateFinishedTrialError):
                # It took so long that it counted as dead, and another process repeats it.
                if not self._frozen(own.trial).state.is_finished():
                    raise
            trials = counted(self.study.get_trials(deepcopy=False))
        self._look_again = 0.0
        trial = next((other for other in trials if other.number == own.trial.number), None)
        if trial is None:
            message = ended.message or "it gave no sign of life for too long"
            return replace(ended, ending=Ending.AGAIN, message=message)
        self._over.add(trial.number)
        record = record_from_trial(trial, self.task.space)
        self._failures = [*self._failures, record.message] if record.state == "failed" else []
        return replace(ended, result=record)

    def _tell(self, own: _UnderWay, ended: Ended) -> None:
        """Tell the study how a trial ended."""
        trial = own.trial
        if own.result is not None and ended.ending is not Ending.FAILED:
            trial.set_user_attr(RESULT, asdict(own.result))
        match ended.ending:
            case Ending.FINISHED:
                self.study.tell(trial, own.best)
            case Ending.PRUNED:
                self.study.tell(trial, state=TrialState.PRUNED)
            case Ending.DIED:
                self.study.tell(trial, state=TrialState.FAIL)
                repeat_dead(self.study, self._frozen(trial))
            case _:
                trial.set_user_attr(ERROR, ended.message)
                self.study.tell(trial, state=TrialState.FAIL)

    def _frozen(self, trial: Trial) -> FrozenTrial:
        return self.study.get_trials(deepcopy=False)[trial.number]

    def _give_up_if_hopeless(self) -> None:
        if len(self._failures) >= HOPELESS and not self.study.get_trials(
            deepcopy=False, states=(TrialState.COMPLETE,)
        ):
            raise TrainingError(
                f"the first {HOPELESS} trials all failed, so the search ends; the last one: "
                f"{self._failures[-1]}"
            )

    def leave(self, cells: Sequence[LabCell]) -> None:
        """Have the trials repeated that did not come to their end."""
        try:
            with storage_errors(self.task.storage):
                for own in self._under_way.values():
                    if not self._frozen(own.trial).state.is_finished():
                        self.study.tell(own.trial, state=TrialState.FAIL)
                        repeat(self.study, self._frozen(own.trial))
        finally:
            self._alive.stop()


def _experimental() -> warnings.catch_warnings[None]:
    """Let Optuna not warn of what is experimental in it, as heartbeats are."""
    return warnings.catch_warnings(action="ignore")
