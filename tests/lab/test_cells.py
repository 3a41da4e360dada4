"""Cells: done once, alone in failing, resumed after a kill, and honest about test files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.corpus import DEV
from tests.networks import ENCODERS, pretrained

from dovetail.config import dump_config, load_config
from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.evaluation import evaluate
from dovetail.lab.cell_events import (
    Begun,
    Ended,
    Ending,
    Epoch,
    Event,
    Progress,
    Started,
    Stopped,
)
from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.cell_scoring import ScoredSplit, tally_from_counts
from dovetail.lab.engine import ShouldStop, run_cells
from dovetail.lab.experiment_cells import Cell, cells_of, refuse_other_configs
from dovetail.lab.experiment_plan import load_plan
from dovetail.lab.experiment_work import CellWork
from dovetail.lab.folder_cells import FolderCells
from dovetail.lab.statistics.cell_results import CellResult
from dovetail.lab.workers import OwnProcess, ProcessWorkers, Steps
from dovetail.running.steps import result_of
from dovetail.training import StageProgress

OPENED: list[str] = []
WATCHED: set[str] = set()


def note_opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and WATCHED and str(arguments[0]) in WATCHED:
        OPENED.append(str(arguments[0]))


sys.addaudithook(note_opened)  # it cannot be taken away again, so it watches only what it is told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tiny" / "cells"


@pytest.fixture
def cells(plan_file: Path, root: Path) -> tuple[Cell, ...]:
    return cells_of(load_plan(plan_file), root)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[list[str]]:
    """The file of test sentences, as often as it is opened."""
    OPENED.clear()
    WATCHED.update({str(tmp_path / "test.jsonl")})
    yield OPENED
    WATCHED.clear()


def attempt(cell: Cell, root: Path) -> Ended:
    return result_of(CellWork(root)(cell))


def done(cell: Cell, root: Path) -> CellFolder:
    assert attempt(cell, root).ending is Ending.FINISHED
    return CellFolder(root, cell.key)


def run(cells: Sequence[Cell], root: Path, should_stop: ShouldStop = lambda: False) -> list[Event]:
    """What happens when this process does the cells."""
    workers = OwnProcess(CellWork(root))
    return list(run_cells(FolderCells(cells, root), workers, should_stop=should_stop))


def test_sentences_are_encoded_once_for_the_cells_that_learn_from_them(
    plan_file: Path, root: Path, pretrained_folder: Path
) -> None:
    config = plan_file.with_name("config.toml")
    encoders = [pretrained(pretrained_folder), *ENCODERS]
    changed = load_config(config).model_copy(update={"encoders": tuple(encoders)})
    config.write_text(dump_config(changed), encoding="utf-8")
    first, second = (cell for cell in cells_of(load_plan(plan_file), root) if cell.row == "full")

    def encodings(work: CellWork, cell: Cell) -> int:
        told = [own for own in work(cell) if isinstance(own, StageProgress)]
        return sum(own.stage.startswith("encoding the") for own in told)

    work = CellWork(root)
    assert encodings(work, first) > 0
    assert encodings(work, second) == 0
    assert encodings(CellWork(root / "alone"), second) > 0
    states = [
        load_file(CellFolder(below, second.key).model / "weights.safetensors")
        for below in (root, root / "alone")
    ]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_cell_leaves_what_its_result_says(cells: tuple[Cell, ...], root: Path) -> None:
    folder = done(cells[0], root)
    result = folder.read_result()
    for split, sentences in (("dev", DEV), ("test", DEV[:6])):
        gold = read_corpus(folder.path / "gold" / f"{split}.jsonl").sentences
        predicted = read_corpus(folder.path / "predictions" / f"{split}.jsonl").sentences
        assert [s.entities for s in gold] == [s.entities for s in sentences]
        again = evaluate(gold, predicted, bootstrap_samples=0).to_dict()
        given = result["scores"][split]["relation"].pop("given_entities")
        assert again == result["scores"][split]
        assert given["micro"]["support"] == again["relation"]["strict"]["micro"]["support"]
        counts = json.loads(folder.counts.read_text("utf-8"))[split]
        for task in ("entity", "relation"):
            micro = result["scores"][split][task]["strict"]["micro"]
            score = tally_from_counts(counts[task]).micro()
            assert score.to_dict() == micro
    assert result["training"]["epochs"] == 2
    assert result["training"]["best_epoch"] in (1, 2)
    assert result["training"]["trainable_parameters"] > 0
    assert 0 < result["costs"]["multiply_adds"] == result["costs"]["multiply_adds_above_frozen"]


def test_test_sentences_are_opened_when_the_model_is_final_and_not_again(
    cells: tuple[Cell, ...], root: Path, watched: list[str]
) -> None:
    cell = cells[0]
    (test,) = cell.test[""]
    content = test.read_bytes()
    test.unlink()
    assert attempt(cell, root).ending is Ending.FAILED
    folder = CellFolder(root, cell.key)
    assert folder.model.is_dir()  # all was trained without it
    assert "test.jsonl does not exist" in folder.read_failure()
    weights = (folder.model / "weights.safetensors").read_bytes()
    test.write_bytes(content)
    watched.clear()
    done(cell, root)
    assert watched
    assert (folder.model / "weights.safetensors").read_bytes() == weights
    watched.clear()
    done(cell, root)
    assert not watched  # a finished cell is not scored again


def test_no_test_file_is_opened_in_training(
    cells: tuple[Cell, ...], root: Path, watched: list[str]
) -> None:
    from dovetail.training import training_events

    for _ in training_events(cells[0].config, root / "alone"):
        pass
    assert not watched


def test_ensemble_is_scored_once_all_members_are_there(cells: tuple[Cell, ...], root: Path) -> None:
    events = run(cells, root)
    started = [event.cell.key for event in events if isinstance(event, Started)]
    assert started == [cell.key for cell in cells]
    assert all(e.ending is Ending.FINISHED for e in events if isinstance(e, Ended))
    members = [CellFolder(root, key).read_result() for key in cells[-1].needs]
    result = CellFolder(root, cells[-1].key).read_result()
    assert result["costs"]["stored_parameters"] == sum(
        own["costs"]["stored_parameters"] for own in members
    )
    assert {*result["scores"]} == {"dev", "test"}
    again = run(cells, root)
    assert isinstance(again[0], Begun)
    assert (again[0].finished, again[0].open) == (len(cells), ())
    assert not [event for event in again if isinstance(event, Started)]


def test_cells_fail_alone_and_are_tried_again(
    cells: tuple[Cell, ...], root: Path, tmp_path: Path
) -> None:
    broken = CellFolder(root, "full/all/seed1")
    broken.path.mkdir(parents=True)
    broken.config.write_text("not a config", encoding="utf-8")  # of a run that cannot be resumed
    events = run(cells, root)
    ended = {e.cell.key: e for e in events if isinstance(e, Ended)}
    failed = [key for key, own in ended.items() if own.ending is Ending.FAILED]
    assert failed == [cells[0].key, cells[-1].key]
    assert "not valid TOML" in ended[cells[0].key].message
    assert "Traceback" in broken.log.read_text("utf-8")
    assert ended[cells[-1].key].message == "it needs full/all/seed1, which failed"
    broken.config.unlink()
    again = run(cells, root)
    assert [e.cell.key for e in again if isinstance(e, Started)] == [cells[0].key, cells[-1].key]
    assert all(CellFolder(root, cell.key).is_finished for cell in cells)
    assert not broken.failure.exists()


def test_claimed_cell_is_left_alone(cells: tuple[Cell, ...], root: Path) -> None:
    folder = CellFolder(root, cells[0].key)
    with folder.claimed() as mine:
        assert mine
        assert folder.is_claimed()
        assert attempt(cells[0], root).ending is Ending.TAKEN
        assert not folder.config.exists()
    assert not folder.is_claimed()


def test_other_config_than_that_of_a_finished_cell_is_refused(
    cells: tuple[Cell, ...], root: Path, plan_file: Path
) -> None:
    done(cells[0], root)
    refuse_other_configs(cells, root)
    config = plan_file.with_name("config.toml")
    text = config.read_text("utf-8").replace("epochs = 2", "epochs = 3")
    config.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match=r"training.epochs: was 2, is 3"):
        refuse_other_configs(cells_of(load_plan(plan_file), root), root)


def test_tasks_are_added_to_the_model_of_another_cell(plan_file: Path, root: Path) -> None:
    """The config that the run completes from its base is not another one than the plan's."""
    text = """
[[configs]]
name = "added"
after = "full"
set = ['sharing={kind="deltas", base="{model}", add_tasks=["relation"]}']
"""
    plan_file.write_text(plan_file.read_text("utf-8") + text, encoding="utf-8")
    cells = cells_of(load_plan(plan_file), root)
    base, added = cells[0], cells[2]
    assert added.row == "added"
    for cell in (base, added):
        done(cell, root)
    refuse_other_configs(cells, root)
    entities = [
        [sentence.entities for sentence in read_corpus(path).sentences]
        for cell in (base, added)
        for path in [CellFolder(root, cell.key).path / "predictions" / "dev.jsonl"]
    ]
    assert entities[0] == entities[1]


def long_plan(plan_file: Path, epochs: int) -> None:
    config = plan_file.with_name("config.toml")
    text = config.read_text("utf-8").replace("epochs = 2", f"epochs = {epochs}")
    config.write_text(text.replace("patience_epochs = 15", "patience_epochs = 0"), encoding="utf-8")


def test_killed_cell_goes_on_where_it_was(plan_file: Path, root: Path, tmp_path: Path) -> None:
    """Its claim is gone with it, and its first epochs are not trained again."""
    long_plan(plan_file, 40)
    cell = cells_of(load_plan(plan_file), root)[0]
    folder = CellFolder(root, cell.key)
    workers = ProcessWorkers(CellWork(root), 1, log_of=lambda _: folder.open_log())
    events = []
    for event in run_cells(FolderCells([cell], root), workers):
        events.append(event)
        told = event.told if isinstance(event, Progress) else None
        if isinstance(told, Epoch) and told.epoch == 3:
            assert folder.is_claimed()
            os.kill(workers.pids[0], signal.SIGKILL)
    last = events[-1]
    assert isinstance(last, Ended)
    assert last.ending is Ending.FAILED
    assert last.message.startswith("the process was ended by SIGKILL;")
    assert last.message.startswith(folder.read_failure())
    assert 3 <= len(folder.epoch_seconds()) < 40
    assert not folder.is_claimed()
    done(cell, root)
    whole = done(cell, tmp_path / "whole")
    assert without_times(folder) == without_times(whole)


def test_process_goes_from_cell_to_cell_and_each_has_its_own_log(
    plan_file: Path, root: Path
) -> None:
    """What is printed for a cell, by libraries of C too, is in its log alone."""
    cells = cells_of(load_plan(plan_file), root)[:2]
    workers = ProcessWorkers(
        Printing(), 1, log_of=lambda cell: CellFolder(root, cell.key).open_log()
    )
    processes = set()
    for cell in cells:
        workers.start(cell)
        processes.update(workers.pids)
        (told,) = workers.wait(60)
        assert isinstance(told, Ended)
        assert told.ending is Ending.FINISHED
    workers.stop()
    assert len(processes) == 1
    for cell in cells:
        log = CellFolder(root, cell.key).log.read_text("utf-8").splitlines()
        assert sorted(log) == [f"{cell.key} {way}" for way in ("aside", "below Python", "printed")]


@dataclass(frozen=True)
class Printing:
    """Prints the name of a cell in three ways."""

    def __call__(self, cell: Cell) -> Steps:
        sys.stdout.write(f"{cell.key} printed\n")
        sys.stderr.write(f"{cell.key} aside\n")
        os.write(1, f"{cell.key} below Python\n".encode())
        yield from ()
        return Ended(cell, Ending.FINISHED)


def without_times(folder: CellFolder) -> dict[str, object]:
    result = folder.read_result()
    del result["training"]["training_seconds"]
    return result


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 600  # much more than it needs on a machine that is not busy
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.05)


def test_two_commands_on_one_folder_do_each_cell_once(plan_file: Path, tmp_path: Path) -> None:
    commands = [command(plan_file, tmp_path, "--configs", "full") for _ in range(2)]
    outputs = [process.communicate(timeout=600)[0] for process in commands]
    assert [process.returncode for process in commands] == [0, 0], outputs
    assert all("[2/2]" in output or "2 of them finished before" in output for output in outputs)
    root = tmp_path / "runs" / "tiny" / "cells"
    for seed in (1, 2):
        folder = CellFolder(root, f"full/all/seed{seed}")
        assert folder.is_finished
        epochs = [line for line in folder.log.read_text("utf-8").splitlines() if "epoch" in line]
        assert [line.split(":")[0] for line in epochs] == ["epoch 1", "epoch 2"]


def command(plan_file: Path, tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "dovetail", "experiment", str(plan_file)),
            *("--runs", str(tmp_path / "runs"), "--processes", "1", *options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_the_cells_and_says_how_to_go_on(
    plan_file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    long_plan(plan_file, 100_000)
    root = tmp_path / "runs" / "tiny" / "cells"
    process = command(plan_file, tmp_path)
    folder = CellFolder(root, "full/all/seed1")
    try:
        wait_for(lambda: folder.epoch_seconds())
        process.send_signal(number)
        output, _ = process.communicate(timeout=600)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert output.splitlines()[-1].startswith("stopped; the same command goes on")
    assert not folder.is_claimed()
    assert not folder.is_finished


def test_cells_end_when_whoever_began_them_is_killed(plan_file: Path, tmp_path: Path) -> None:
    """Their claims go with them, and the same command goes on."""
    long_plan(plan_file, 100_000)
    process = command(plan_file, tmp_path)
    folder = CellFolder(tmp_path / "runs" / "tiny" / "cells", "full/all/seed1")
    try:
        wait_for(folder.epoch_seconds)
    finally:
        process.kill()
        process.communicate()
    wait_for(lambda: not folder.is_claimed())
    assert not folder.failure.exists()


def test_cell_in_this_process_stops_between_two_steps(plan_file: Path, root: Path) -> None:
    long_plan(plan_file, 100_000)
    cell = cells_of(load_plan(plan_file), root)[0]
    folder = CellFolder(root, cell.key)
    events = run([cell], root, should_stop=lambda: len(folder.epoch_seconds()) == 2)
    assert events[-1] == Stopped((cell,))
    assert not folder.is_claimed()
    assert len(folder.epoch_seconds()) == 2


def test_stop_is_followed(cells: tuple[Cell, ...], root: Path) -> None:
    events = run(cells, root, should_stop=lambda: True)
    assert [type(event) for event in events] == [Begun, Stopped]


def test_counts_hold_what_the_sentences_say() -> None:
    counts = ScoredSplit(DEV, DEV, frozenset()).counts()
    assert tally_from_counts(counts["entity"]).micro().false_negatives == 0
    other = ScoredSplit(DEV[:3], DEV[:3], frozenset()).counts()
    assert counts["sentences"] != other["sentences"]


def test_calibration_errors_stand_beside_the_scores_of_a_cell(
    cells: tuple[Cell, ...], root: Path
) -> None:
    evaluation = evaluate(DEV, DEV, bootstrap_samples=0).to_dict()
    evaluation["entity"]["calibration_error"] = 0.25
    folder = CellFolder(root, cells[0].key)
    result = CellResult(cells[0], folder, {"scores": {"dev": evaluation}})
    corpora = cells[0].corpora
    assert result.calibration_error("dev", "entity", corpora) == 0.25
    assert result.calibration_error("dev", "relation", corpora) is None
    assert result.calibration_error("test", "entity", corpora) is None
    for task in ("entity", "relation"):
        evaluation[task].pop("calibration_error", None)  # as of results of old versions
        assert result.calibration_error("dev", task, corpora) is None
