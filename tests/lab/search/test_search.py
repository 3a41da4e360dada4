"""The search apart from training: what becomes of trials, whoever stops, kills or breaks them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from tests.conftest import PROJECT
from tests.lab.search.objectives import (
    ENTRIES,
    EPOCHS,
    dropout,
    found,
    scoring,
    search,
    task_in,
    task_of,
)
from tests.networks import tiny_config

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.lab.cell_events import Begun, Ended, Ending, Epoch, Event, Started, Stopped
from dovetail.lab.search import parse_space
from dovetail.lab.search.importance import FEWEST_TRIALS, importances
from dovetail.lab.search.records import LOST, Record, best_of, records
from dovetail.lab.search.study import MOST_DEATHS, open_study, repeat_dead
from dovetail.lab.search.trials import HOPELESS, TrialCell


def test_first_trial_is_the_start_and_the_best_is_no_worse(tmp_path: Path) -> None:
    trials = search(task_in(tmp_path, trials=6))
    assert [trial.number for trial in trials] == list(range(6))
    assert trials[0].is_start
    assert trials[0].values["sharing.dropout"] == 0.1
    best = best_of(trials)
    assert best is not None
    assert best.score == max(trial.score or 0 for trial in trials) >= 0.9


def test_same_seed_tries_the_same_however_often_it_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "once").mkdir()
    (tmp_path / "thrice").mkdir()
    once = search(task_in(tmp_path / "once", trials=8))
    for number in (2, 5, 8):
        in_parts = search(task_in(tmp_path / "thrice", trials=number))
    assert [trial.values for trial in in_parts] == [trial.values for trial in once]
    assert len({str(trial.values) for trial in once}) == 8


def test_trials_are_the_number_in_the_end(tmp_path: Path) -> None:
    assert len(search(task_in(tmp_path, trials=3))) == 3
    events: list[Event] = []
    assert len(search(task_in(tmp_path, trials=3), events=events)) == 3
    assert [type(event) for event in events] == [Begun]
    assert len(search(task_in(tmp_path, trials=2))) == 3


def test_trial_fails_alone_with_its_message(tmp_path: Path) -> None:
    def score(config: Config) -> float:
        if config.entity_head.scheme == "bilou":
            raise RuntimeError("no luck with bilou")
        return dropout(config)

    trials = search(task_in(tmp_path, trials=10), scoring(score))
    failed = [trial for trial in trials if trial.state == "failed"]
    assert len(trials) == 10
    assert 0 < len(failed) < 10
    for trial in trials:
        assert (trial.state == "failed") == (trial.values["entity_head.scheme"] == "bilou")
    assert {trial.message for trial in failed} == {"RuntimeError: no luck with bilou"}


def test_search_in_which_all_fails_ends_and_can_go_on_once_repaired(tmp_path: Path) -> None:
    def broken(config: Config) -> Iterator[Epoch]:
        raise TrainingError("the disk is gone")
        yield

    with pytest.raises(TrainingError, match=f"first {HOPELESS} trials all failed.*disk is gone"):
        search(task_in(tmp_path, trials=9), broken)
    trials = search(task_in(tmp_path, trials=9))
    assert [trial.state == "failed" for trial in trials] == [True] * 3 + [False] * 6


def test_values_that_contradict_each_other_are_refused_with_the_reason(tmp_path: Path) -> None:
    entries = {
        "training.entity_loss_weight": [0.0, 1.0],
        "training.relation_loss_weight": [5.0, 0.0],
    }
    space = parse_space(entries, tiny_config())
    trained = []

    def score(config: Config) -> float:
        trained.append(config)
        return 0.5

    trials = search(task_of(space, tmp_path, trials=16), scoring(score))
    refused = [trial for trial in trials if trial.state == "refused"]
    assert refused
    for trial in refused:
        assert set(trial.values.values()) == {0.0}
        assert "nothing would be learnt" in trial.message
    assert len(trained) == EPOCHS * (len(trials) - len(refused))


def test_weak_trials_are_pruned_after_some_epochs(tmp_path: Path) -> None:
    trials = search(task_in(tmp_path, trials=20))
    complete = [trial for trial in trials if trial.state == "complete"]
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert len(complete) >= 5
    assert pruned
    assert [trial.state for trial in trials[:5]] == ["complete"] * 5
    for trial in pruned:
        assert trial.result is not None
        assert 1 < trial.result.epochs <= EPOCHS
        assert trial.score is not None


def test_interrupted_trial_is_repeated_with_its_values(tmp_path: Path) -> None:
    events: list[Event] = []

    def stop() -> bool:
        return sum(isinstance(event, Started) for event in events) == 3

    stopped = search(task_in(tmp_path, trials=5), should_stop=stop, events=events)
    interrupted = started(events)[-1]
    assert events[-1] == Stopped((interrupted,))
    assert [trial.state for trial in stopped] == ["complete", "complete", "waiting"]
    trials = search(task_in(tmp_path, trials=5))
    assert len(trials) == 5
    assert {trial.state for trial in trials} == {"complete"}
    repeated = task_in(tmp_path, trials=5).space.changes(trials[2].values)
    assert repeated == interrupted.changes


def test_start_that_was_interrupted_is_still_the_start(tmp_path: Path) -> None:
    asked = iter([False, True, True])
    search(task_in(tmp_path, trials=2), should_stop=lambda: next(asked))
    trials = search(task_in(tmp_path, trials=2))
    assert [trial.is_start for trial in trials] == [True, False]


def test_nothing_begins_when_it_is_to_stop_at_once(tmp_path: Path) -> None:
    assert search(task_in(tmp_path, trials=5), should_stop=lambda: True) == []


def started(events: list[Event]) -> list[TrialCell]:
    """The trials that were started."""
    cells = [event.cell for event in events if isinstance(event, Started)]
    return [cell for cell in cells if isinstance(cell, TrialCell)]


def test_trial_that_counted_as_dead_is_left_to_whoever_repeats_it(tmp_path: Path) -> None:
    """As one does whose process hung for so long that another one took its trial over."""
    task = task_in(tmp_path, trials=2)
    others = open_study(task)
    seen: list[int] = []

    def slow(config: Config) -> Iterator[Epoch]:
        running = [trial.number for trial in others.trials if trial.state == TrialState.RUNNING]
        if not seen:
            seen.extend(running)
            others.tell(running[0], state=TrialState.FAIL)
            repeat_dead(others, others.trials[running[0]])
        yield from scoring(dropout)(config)

    events: list[Event] = []
    trials = search(task, slow, events=events)
    assert [e.ending for e in events if isinstance(e, Ended)] == [
        *(Ending.AGAIN, Ending.FINISHED, Ending.FINISHED)
    ]
    assert [cell.number for cell in started(events)] == [*seen, 1, 2]
    assert [(trial.number, trial.state) for trial in trials] == [(1, "complete"), (2, "complete")]
    assert trials[0].is_start


@pytest.mark.filterwarnings("ignore:Heartbeat of storage:UserWarning")
def test_trial_whose_process_died_before_any_sign_of_life_is_repeated(tmp_path: Path) -> None:
    task = task_in(tmp_path, trials=2)
    task.space.suggest(open_study(task).ask())
    trials = search(task)
    assert [(trial.number, trial.state) for trial in trials] == [(1, "complete"), (2, "complete")]
    assert [trial.is_start for trial in trials] == [False, True]


def test_trials_of_other_processes_are_told_of_and_counted(tmp_path: Path) -> None:
    """So that how far a search is and how long it takes is true of all machines together."""
    task = task_in(tmp_path, trials=4)
    events: list[Event] = []
    others: list[Event] = []

    def enough() -> bool:
        return sum(isinstance(event, Ended) for event in others) == 2

    def shared(config: Config) -> Iterator[Epoch]:
        if not enough():  # as another process would, which runs two more
            search(replace(task, trials=3), should_stop=enough, events=others)
        yield from scoring(dropout)(config)

    search(task, shared, events=events)
    ended = [(e.cell.key, e.ending) for e in events if isinstance(e, Ended)]
    assert ended == [
        ("trial   0", Ending.FINISHED),
        ("trial   1", Ending.FOUND),
        ("trial   2", Ending.FOUND),
        ("trial   3", Ending.FINISHED),
    ]


PATIENCE = 300
"""Seconds that a process may take to start on a busy machine."""

SLOW = """
import sys
from pathlib import Path
from tests.lab.search.objectives import dropout, scoring, search, task_in

folder, trials, seconds = sys.argv[1:]
search(task_in(Path(folder), trials=int(trials)), scoring(dropout, seconds=float(seconds)))
"""


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_process() -> Iterator[Start]:
    """Starts processes that search slowly, and leaves none behind."""
    started = []

    def start(folder: Path, *, trials: int, seconds: float) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW, str(folder), str(trials), str(seconds)],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": f"{PROJECT / 'src'}{os.pathsep}{PROJECT}"},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def first_trial(folder: Path) -> Record:
    """The first trial, once it runs with all its values."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        trials = found(task_in(folder, trials=1))
        if trials and trials[0].state == "running" and len(trials[0].values) == 4:
            return trials[0]
        time.sleep(0.1)
    raise AssertionError("the first trial never ran")


def test_killed_process_loses_no_trial_and_doubles_none(
    tmp_path: Path, start_process: Start
) -> None:
    process = start_process(tmp_path, trials=4, seconds=60)
    killed = first_trial(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()

    events: list[Event] = []
    trials = search(task_in(tmp_path, trials=4), events=events)
    assert [trial.state for trial in trials] == ["complete"] * 4
    assert [trial.is_start for trial in trials].count(True) == 1
    repeated = [trial for trial in trials if trial.is_start]
    assert killed.values == repeated[0].values
    assert repeated[0].number > 0
    ended = [event.result.number for event in events if isinstance(event, Ended)]
    assert sorted(ended) == [trial.number for trial in trials]


def test_trial_that_kills_its_process_each_time_is_given_up(tmp_path: Path) -> None:
    space = task_in(tmp_path, trials=1).space
    study = optuna.create_study()
    for death in range(1, MOST_DEATHS + 1):
        trial = study.ask()
        study.tell(trial, state=TrialState.FAIL)
        repeat_dead(study, study.trials[-1])
        (record,) = records(study, space)
        assert record.state == ("failed" if death == MOST_DEATHS else "waiting")
    assert record.message == LOST


def test_processes_share_one_file_and_run_every_trial_once(
    tmp_path: Path, start_process: Start
) -> None:
    processes = [start_process(tmp_path, trials=12, seconds=0.2) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    trials = found(task_in(tmp_path, trials=12))
    assert len(trials) == 12
    assert {trial.state for trial in trials} <= {"complete", "pruned"}
    assert len({str(trial.values) for trial in trials}) == 12


def test_study_does_not_go_on_as_another_one(tmp_path: Path) -> None:
    task = task_in(tmp_path, trials=1)
    open_study(task, data_digest="one")
    open_study(task, data_digest="one")
    with pytest.raises(TrainingError, match="dev sentences are not the same"):
        open_study(task, data_digest="other")
    fewer = {**ENTRIES}
    del fewer["entity_head.scheme"]
    with pytest.raises(TrainingError, match=r"entity_head.scheme: was .*bilou.*, is not tuned"):
        open_study(task_in(tmp_path, trials=1, entries=fewer), data_digest="one")
    start = tiny_config(training={"epochs": 7}, name="other", seed=4)
    changed = replace(task, space=parse_space(ENTRIES, start))
    with pytest.raises(TrainingError, match=r"seed: was 1, is 4\n  training.epochs: was 3, is 7"):
        open_study(changed, data_digest="one")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite:////no/such/folder/study.db",
        "nosuchdb://me:secret@host/name",
        "nosuchdb://me@host/name?password=secret",
        "postgresql://me:x@secret@host/name",
        "postgresql://me:/secret@host/name",
        "postgresql://me:secret@host:port/name",
    ],
)
def test_storage_that_cannot_be_used_is_said_without_its_password(tmp_path: Path, url: str) -> None:
    task = replace(task_in(tmp_path, trials=1), storage=url)
    with pytest.raises(TrainingError, match="cannot be used") as caught:
        open_study(task)
    assert "secret" not in str(caught.value)


def test_importance_finds_the_only_field_that_matters(tmp_path: Path) -> None:
    task = task_in(tmp_path, trials=30)
    study = open_study(task)
    assert importances(study) == {}
    search(replace(task, trials=FEWEST_TRIALS - 1))
    assert importances(study) == {}
    search(task)
    shares = importances(study)
    assert next(iter(shares)) == "sharing.dropout"
    assert shares["sharing.dropout"] > 0.5
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == set(task.space.entries)
