"""Tuning from files to files, with real training."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests.conftest import PROJECT
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.cli.tuning_display import TuningDisplay
from dovetail.config import DataConfig, dump_config, load_config
from dovetail.errors import MissingExtraError, TrainingError
from dovetail.lab.cell_events import (
    Begun,
    Ended,
    Ending,
    Epoch,
    Event,
    Progress,
    Started,
)
from dovetail.lab.engine import run_cells
from dovetail.lab.search import Outcome, Task, default_space, read_space, sqlite_in, tune
from dovetail.lab.search.outcome import COLUMNS
from dovetail.lab.search.plots import write_plots
from dovetail.lab.search.records import Record, best_of
from dovetail.lab.search.study import open_study
from dovetail.lab.search.training_objective import TrainingObjective
from dovetail.lab.search.trials import Search, TrialCell, TrialWork
from dovetail.lab.workers import OwnProcess, ProcessWorkers

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file beside its corpora, and beside a test set."""
    (tmp_path / "data").mkdir()
    data = DataConfig(
        train=(save_corpus(TRAIN, tmp_path / "data" / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "data" / "dev.jsonl"),),
    )
    save_corpus(DEV, tmp_path / "data" / "test.jsonl")
    path = tmp_path / "config.toml"
    text = dump_config(tiny_config(data, training={"epochs": 2}))
    path.write_text(text, encoding="utf-8")
    (tmp_path / "space.toml").write_text(
        """
        "sharing.shared_layers" = {low = 0, high = 1}
        "sharing.entity_layers" = {low = 0, high = 1}
        "sharing.relation_layers" = {low = 0, high = 2}
        "training.learning_rate" = {low = 5e-3, high = 5e-2, log = true}
        """,
        encoding="utf-8",
    )
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False
    )


def test_command_leaves_a_recipe_that_trains_and_tables_and_plots(
    config: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    call = ("tune", config, "--space", tmp_path / "space.toml", "--runs", runs)
    tuned = run(*call, "--trials", 2)
    assert tuned.exit_code == 0
    assert "22 training and 8 dev sentences; tuning on dev alone" in tuned.output
    assert "the config as it is" in tuned.output
    again = run(*call, "--trials", 4)
    assert "going on after 2 trials" in again.output
    folder = runs / "tiny-tuning"
    assert f"train the best: dovetail train {folder / 'best.toml'}" in again.output

    recipe = (folder / "best.toml").read_text(encoding="utf-8")
    assert recipe.startswith("# The best of 4 trials")
    known = load_config(config, ["data.language=en"])  # what the search took
    assert load_config(folder / "config.toml") == known
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == [*COLUMNS, *tomllib.loads((folder / "space.toml").read_text())]
    assert [row["number"] for row in rows] == ["0", "1", "2", "3"]
    assert {row["state"] for row in rows} == {"complete"}
    assert rows[0]["is_start"] == "true"
    best = max(rows, key=lambda row: float(row["score"]))
    assert float(best["score"]) >= float(rows[0]["score"])
    assert load_config(folder / "best.toml").sharing.shared_layers == int(
        best["sharing.shared_layers"]
    )
    for name in ("scores.png", "layers.png", "parallel.png"):
        assert (folder / name).read_bytes().startswith(PNG)

    trained = run("train", folder / "best.toml", "--runs", runs)
    assert trained.exit_code == 0
    metrics = (runs / "tiny-tuned" / "metrics.jsonl").read_text(encoding="utf-8")
    assert len(metrics.splitlines()) == 2


OBSERVED = """
import sys
opened = []
def observe(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])
sys.addaudithook(observe)
from dovetail.cli import app
try:
    app(sys.argv[2:])
except SystemExit as ended:
    assert not ended.code, ended.code
from pathlib import Path
print("opened:", *sorted({Path(path).name for path in opened if path.startswith(sys.argv[1])}))
"""


def test_search_opens_no_file_but_those_that_the_config_names(config: Path, tmp_path: Path) -> None:
    arguments = ("tune", config, "--trials", 2, "--runs", tmp_path / "runs", "--set", "name=x")
    done = subprocess.run(
        [sys.executable, "-c", OBSERVED, str(tmp_path / "data"), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "opened: dev.jsonl train.jsonl"


def task_for(config: Path, *, trials: int) -> Task:
    start = load_config(config)
    space = read_space(config.with_name("space.toml"), start)
    folder = config.with_name("tuning")
    folder.mkdir(exist_ok=True)
    return Task(space, "tiny", sqlite_in(folder), trials, heartbeat_seconds=1)


def test_same_config_and_seed_give_the_same_scores(config: Path) -> None:
    task = task_for(config, trials=3)
    folders = [config.with_name(name) for name in ("one", "two")]
    outcomes = [tune(replace(task, storage=sqlite_in(folder)), folder) for folder in folders]
    for record in zip(outcomes[0].trials, outcomes[1].trials, strict=True):
        one, two = (replace(own, seconds=None) for own in record)
        assert one == two


def in_processes(task: Task, processes: int) -> ProcessWorkers:
    """Processes that train trials of the task's config."""
    return ProcessWorkers(TrialWork(TrainingObjective()), processes)


def test_trial_whose_process_is_killed_is_repeated_at_once(config: Path) -> None:
    """Another process takes the place, and nobody waits for signs of life that never come."""
    task = replace(task_for(config, trials=4), heartbeat_seconds=1000)
    workers = in_processes(task, 2)
    events: list[Event] = []
    for event in run_cells(Search(task), workers):
        is_first = not any(isinstance(earlier, Progress) for earlier in events)
        events.append(event)
        if isinstance(event, Progress) and is_first:
            os.kill(workers.pids[0], signal.SIGKILL)
    ended = [event for event in events if isinstance(event, Ended)]
    again = [event.message for event in ended if event.ending is Ending.AGAIN]
    assert [message.split(";")[0] for message in again] == ["the process was ended by SIGKILL"]
    trials = Outcome.of_study(open_study(task), task.space).trials
    assert len(trials) == 4
    assert {trial.state for trial in trials} == {"complete"}


def test_processes_go_from_trial_to_trial(config: Path) -> None:
    """So that what frozen encoders computed, and the corpora, are there for the next one."""
    task = task_for(config, trials=3)
    workers = in_processes(task, 1)
    pids = [workers.pids for event in run_cells(Search(task), workers) if is_epoch(event)]
    assert len({tuple(own) for own in pids}) == 1


def is_epoch(event: Event) -> bool:
    return isinstance(event, Progress) and isinstance(event.told, Epoch)


def test_processes_stop_when_told_and_leave_their_trials_to_be_repeated(config: Path) -> None:
    task = task_for(config, trials=50)
    events: list[Event] = []

    def stop() -> bool:
        return any(isinstance(event, Ended) for event in events)

    for event in run_cells(Search(task), in_processes(task, 2), should_stop=stop):
        events.append(event)
    trials = Outcome.of_study(open_study(task), task.space).trials
    assert 0 < len(trials) < 50
    assert "running" not in {trial.state for trial in trials}


def test_what_makes_every_trial_fail_is_said_by_its_process(config: Path) -> None:
    task = task_for(config, trials=9)
    data = task.config.data.model_copy(update={"train": (config.with_name("none.jsonl"),)})
    start = task.config.model_copy(update={"data": data})
    broken = replace(task, space=replace(task.space, start=start))
    with pytest.raises(TrainingError, match=r"all failed.*none.jsonl"):
        list(run_cells(Search(broken), in_processes(broken, 1)))


def test_timeout_ends_the_search_and_says_how_to_go_on(config: Path, tmp_path: Path) -> None:
    done = run("tune", config, "--trials", 3, "--timeout", 0, "--runs", tmp_path / "runs")
    assert done.exit_code == 0
    assert "no trial is complete yet" in done.output
    assert "stopped after 0 of 3 trials: the same command goes on" in done.output


def test_config_without_a_dev_set_is_refused(config: Path, tmp_path: Path) -> None:
    settings = ("data.dev=[]", "training.patience_epochs=0", "relation_head.threshold=0.5")
    sets = [argument for setting in settings for argument in ("--set", setting)]
    with pytest.raises(TrainingError, match="there is no dev set"):
        run("tune", config, *sets, "--runs", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_missing_extra_is_said_with_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['optuna'] = None\n"
        "from dovetail.errors import MissingExtraError\n"
        "try:\n    import dovetail.lab.search\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
    )
    assert "pip install 'dovetail[tune]'" in done.stdout
    assert issubclass(MissingExtraError, Exception)


def outcome_of(config: Path, records: Callable[[Sequence[float]], list[Record]]) -> Outcome:
    space = default_space(load_config(config))
    trials = records([0.1, 0.4, 0.3])
    filled = [replace(trial, values=space.start_values | trial.values) for trial in trials]
    return Outcome(space, filled, {})


@pytest.mark.parametrize(
    ("states", "plots"),
    [
        ([], set()),
        (["failed", "failed", "refused"], {"scores.png"}),
        (["pruned", "failed", "running"], {"scores.png"}),
        (["complete", "failed", "running"], {"scores.png", "layers.png"}),
        (["complete", "complete", "pruned"], {"scores.png", "layers.png", "parallel.png"}),
    ],
)
def test_plots_are_drawn_of_whatever_there_is(
    config: Path, tmp_path: Path, states: list[str], plots: set[str]
) -> None:
    def records(scores: Sequence[float]) -> list[Record]:
        return [
            Record(number, state, {}, number == 0, score=score)  # type: ignore[arg-type]
            for number, (state, score) in enumerate(zip(states, scores, strict=False))
        ]

    folder = tmp_path / "plots"
    folder.mkdir()
    write_plots(folder, outcome_of(config, records))
    assert {path.name for path in folder.iterdir()} == plots


def test_terminal_shows_running_trials_and_the_time_to_go(config: Path) -> None:
    task = task_for(config, trials=4)
    cells = [TrialCell(number, task.config, {}, is_start=number == 0) for number in range(3)]
    console = Console(force_terminal=True, width=200, record=True)
    with TuningDisplay(console, task, 1) as display:
        display.notify(Begun(4, 0, (), {}))
        assert display.left() == ""
        for number, cell in enumerate(cells[:2]):
            display.notify(Started(cell))
            display.notify(Progress(cell, Epoch(1, 2, 0.5)))
            record = Record(number, "complete", {}, False, score=0.5 + number / 10, seconds=61.0)
            display.notify(Ended(cell, Ending.FINISHED, result=record, seconds=61.0))
        display.notify(Started(cells[2]))
        display.notify(Progress(cells[2], Epoch(1, 2, 0.25)))
        # The other half of this one takes as little time as the first, and then there is one more.
        assert display.left() == "about 1 min 1 s left"
    text = console.export_text()
    assert "trial   1  complete   60.0" in text
    assert "2 of 4 trials, best 60.0 (trial 1); about 1 min" in text
    assert "trial   2" in text
    assert "epoch 1/2  25.0" in text


def test_search_trains_as_the_train_command_does(config: Path, tmp_path: Path) -> None:
    task = task_for(config, trials=1)
    list(run_cells(Search(task), OwnProcess(TrialWork(TrainingObjective()))))
    best = best_of(Outcome.of_study(open_study(task), task.space).trials)
    run("train", config, "--runs", tmp_path / "runs")
    metrics = (tmp_path / "runs" / "tiny" / "metrics.jsonl").read_text(encoding="utf-8")
    scores = [json.loads(line)["score"] for line in metrics.splitlines()]
    assert best is not None
    assert best.score == max(scores)
