"""`dovetail experiment` from a plan to tables, figures and what a repository keeps."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import fmean, stdev

import pytest
from pyarrow import parquet
from rich.console import Console
from typer.testing import CliRunner, Result

from dovetail.cli import app, lab_display
from dovetail.cli.experiment_display import ExperimentDisplay
from dovetail.errors import TrainingError
from dovetail.lab.cell_events import Begun, Epoch, Progress, Started, Tick
from dovetail.lab.engine import run_cells
from dovetail.lab.experiment_cells import cells_of, chosen_cells
from dovetail.lab.experiment_plan import load_plan
from dovetail.lab.experiment_work import CellWork
from dovetail.lab.folder_cells import FolderCells
from dovetail.lab.statistics.experiment_folder import Experiment
from dovetail.lab.statistics.reliability_tables import reliability_tables
from dovetail.lab.statistics.text_table import signed
from dovetail.lab.workers import OwnProcess


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["experiment", *map(str, arguments)], catch_exceptions=False)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_plan_becomes_tables_and_figures(plan_file: Path, tmp_path: Path) -> None:
    runs, kept = tmp_path / "runs", tmp_path / "results"
    done = run(plan_file, "--runs", runs, "--speed", "--drop", "checkpoints", "--export", kept)
    assert done.exit_code == 0, done.output
    folder = runs / "tiny"
    assert "[5/5]" in done.output
    assert "F1 on test" in done.output

    cells = rows(folder / "cells.csv")
    names = [(row["config"], row["fold"], row["seed"]) for row in cells]
    assert names == [
        ("full", "all", "1"),
        ("no entity layers", "all", "1"),
        ("full", "all", "2"),
        ("no entity layers", "all", "2"),
        ("together", "all", ""),
    ]
    assert int(cells[1]["stored_parameters"]) < int(cells[0]["stored_parameters"])
    assert [bool(row["sentences_per_second"]) for row in cells] == [True, True, False, False, True]
    table = parquet.read_table(folder / "cells.parquet").to_pylist()
    assert [row["test_relation_micro_f1"] for row in table] == [
        float(row["test_relation_micro_f1"]) for row in cells
    ]

    scores = rows(folder / "scores.csv")
    whole = [r for r in scores if r["config"] == "full" and r["average"] == "micro"]
    assert len(whole) == 2 * 2 * 2 * 2  # seeds, splits, tasks, settings
    assert {r["type"] for r in scores if r["average"] == "type" and r["task"] == "entity"} >= {
        "Person",
        "Place",
    }
    assert {row["compared_with"] for row in rows(folder / "comparisons.csv")} == {"full"}

    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    own = [float(row["test_entity_micro_f1"]) for row in cells if row["config"] == "full"]
    spread = summary["configs"][0]["scores"]["test"]["entity_micro"]
    assert spread == {"mean": pytest.approx(fmean(own)), "deviation": pytest.approx(stdev(own))}
    on_dev, on_test = reliability_tables(summary)
    assert on_test.title.endswith("on test")
    assert "Given entities and calibration, on dev" in done.output
    given, errors = (
        [float(own) for row in cells if row["config"] == "full" and (own := row[f"test_{column}"])]
        for column in ("relation_given_entities_f1", "entity_calibration_error")
    )
    relations = summary["configs"][0]["scores"]["test"]["relation_micro"]["mean"]
    lost = signed(100 * (fmean(given) - relations)).removeprefix("+")
    assert on_test.rows[0][3] == lost
    assert on_test.rows[0][4] == (f"{100 * fmean(errors):.1f}" if errors else "\N{EN DASH}")
    del summary["configs"][0]["calibration"]  # as results of old versions have it
    assert [row[0] for row in reliability_tables(summary)[0].rows] == [
        row[0] for row in on_dev.rows[1:]
    ]
    assert {path.name for path in (folder / "figures").iterdir()} == {"scores.png", "costs.png"}
    assert "| no entity layers | 2 |" in (folder / "table.md").read_text("utf-8")
    assert load_plan(folder / "plan.toml").name == "tiny"
    assert not list((folder / "cells").rglob("checkpoint"))
    assert {path.name for path in kept.iterdir()} == {
        *("plan.toml", "summary.json", "cells.csv", "comparisons.csv", "scores.png", "costs.png"),
    }

    again = run(plan_file, "--runs", runs)
    assert "5 cells, 5 of them finished before" in again.output
    assert "started" not in again.output


def test_part_of_a_plan_gives_the_tables_of_what_is_there(plan_file: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert "no cell is finished" in run(plan_file, "--runs", runs, "--tables").output
    done = run(plan_file, "--runs", runs, "--configs", "full", "--seeds", "2", "--processes", "1")
    assert done.exit_code == 0
    (cell,) = rows(runs / "tiny" / "cells.csv")
    assert (cell["config"], cell["seed"]) == ("full", "2")
    assert "1 of 2" in (runs / "tiny" / "table.md").read_text("utf-8")


def test_config_is_compared_with_its_control_in_a_table_of_its_own(
    plan_file: Path, tmp_path: Path
) -> None:
    """Here the control is what all are compared with, so that both say the same."""
    text = plan_file.read_text("utf-8")
    own = 'name = "no entity layers"\n'
    plan_file.write_text(text.replace(own, f'{own}control = "full"\n'), encoding="utf-8")
    runs = tmp_path / "runs"
    done = run(plan_file, "--runs", runs, "--seeds", "1", "--processes", "1")
    assert done.exit_code == 0, done.output
    assert "Against controls, on test" in done.output
    summary = json.loads((runs / "tiny" / "summary.json").read_text("utf-8"))
    full, other = summary["configs"]
    assert (full["control"], full["from_control"]) == (None, {})
    assert other["control"] == "full"
    assert other["from_control"] == other["differences"]
    compared = rows(runs / "tiny" / "comparisons.csv")
    assert len(compared) == 2 * 2 * 4  # first and control, splits, scores
    assert compared[:8] == compared[8:]
    assert "| no entity layers | full |" in (runs / "tiny" / "table.md").read_text("utf-8")


def test_failed_cells_are_listed_in_the_end(plan_file: Path, tmp_path: Path) -> None:
    text = plan_file.read_text("utf-8")
    text = text.replace('["sharing.entity_layers=0"]', "['data.train=\"nowhere.jsonl\"']")
    plan_file.write_text(text, encoding="utf-8")
    done = run(plan_file, "--runs", tmp_path / "runs", "--smoke")
    assert done.exit_code == 1
    last = done.stderr.splitlines()  # which may begin with what a slow machine is at
    failed = [line for line in last if line.startswith("failed: ")]
    assert failed[0].startswith("failed: no entity layers/all/seed1: nowhere.jsonl does not exist")
    assert last[-1] == "the same command tries them again"
    assert len(rows(tmp_path / "runs" / "tiny-smoke" / "cells.csv")) == 2


def test_folds_are_summed_up_by_their_means(plan_file: Path, tmp_path: Path) -> None:
    """The deviation is that of the folds, each the mean of its seeds."""
    text = "\n".join(
        line for line in plan_file.read_text("utf-8").splitlines() if not line.startswith("test")
    )
    test = tmp_path / "test.jsonl"
    folds = "".join(
        f'[[folds]]\nname = "{fold}"\nset = ["data.max_sentences={size}"]\ntest = "{test}"\n'
        for fold, size in (("a", 12), ("b", 22))
    )
    plan_file.write_text(text + "\n" + folds, encoding="utf-8")
    done = run(plan_file, "--runs", tmp_path / "runs", "--configs", "full,together")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "runs" / "tiny"
    means = [
        fmean(float(r["test_entity_micro_f1"]) for r in rows(folder / "cells.csv") if of(r, fold))
        for fold in ("a", "b")
    ]
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    spread = summary["configs"][0]["scores"]["test"]["entity_micro"]
    assert spread == {"mean": pytest.approx(fmean(means)), "deviation": pytest.approx(stdev(means))}
    assert {cell["fold"] for cell in rows(folder / "cells.csv")} == {"a", "b"}


def of(row: dict[str, str], fold: str) -> bool:
    return row["config"] == "full" and row["fold"] == fold


def test_smoke_reads_few_test_sentences(plan_file: Path, tmp_path: Path) -> None:
    text = plan_file.read_text("utf-8") + "[smoke]\nsentences = 5\n"
    plan_file.write_text(text.replace("test.jsonl", "dev.jsonl"), encoding="utf-8")
    assert run(plan_file, "--runs", tmp_path / "runs", "--smoke").exit_code == 0
    result = tmp_path / "runs" / "tiny-smoke" / "cells" / "full" / "all" / "seed1" / "result.json"
    scores = json.loads(result.read_text("utf-8"))["scores"]
    assert scores["test"]["sentences"] == 5
    config = (result.parent / "config.toml").read_text("utf-8")
    assert "max_sentences = 5" in config


def test_folder_that_cannot_be_made_is_told_of(plan_file: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file, and no folder", encoding="utf-8")
    experiment = Experiment.of_plan(load_plan(plan_file), tmp_path / "runs")
    with pytest.raises(TrainingError, match=r"runs.* cannot be written: Not a directory"):
        experiment.begin()


def test_log_of_a_long_experiment_does_not_fall_silent(
    plan_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PLAIN_AFTER", "PLAIN_EVERY"):
        monkeypatch.setattr(lab_display, name, 0.0)
    cells = cells_of(load_plan(plan_file), tmp_path)
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        display = ExperimentDisplay(Console(file=file, width=200), 2)
        started = [Started(cells[0]), Progress(cells[0], Epoch(1, 2, 0.5)), Started(cells[1])]
        display.show([Begun(len(cells), 0, cells, {}), *started, Tick(cells[:2], 0)])
    log = (tmp_path / "log").read_text("utf-8")
    assert f"[0/{len(cells)}], at {cells[0].key}: epoch 1/2  50.0" in log
    assert f"[0/{len(cells)}], 2 cells under way, 1 epochs done" in log


def test_wrong_options_are_refused(plan_file: Path) -> None:
    for arguments, message in (
        (("--drop", "all"), "expected checkpoints, models or nothing"),
        (("--seeds", "one"), "expected numbers such as 1,2,3"),
    ):
        done = CliRunner().invoke(app, ["experiment", str(plan_file), *arguments])
        assert done.exit_code == 2
        assert message in " ".join(done.output.split())


def test_terminal_shows_the_same_lines_and_bars(plan_file: Path, tmp_path: Path) -> None:
    root = tmp_path / "cells"
    cells = chosen_cells(cells_of(load_plan(plan_file), root), rows=["full"], seeds=None)
    with (tmp_path / "screen").open("w", encoding="utf-8") as file:
        console = Console(file=file, force_terminal=True, width=120, color_system=None)
        display = ExperimentDisplay(console, 1)
        display.show(run_cells(FolderCells(cells, root), OwnProcess(CellWork(root))))
    screen = (tmp_path / "screen").read_text("utf-8")
    assert "[2/2] full/all/seed2: dev F1 entities" in screen
    assert "[1/2]; " in screen
    assert "full/all/seed1" in screen
    assert "Ctrl-C stops" in screen
    assert not display.failures


def test_folder_that_cannot_be_written_is_named_before_the_work(
    plan_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("", encoding="utf-8")
    for options in ([], ["--smoke"]):
        with pytest.raises(TrainingError, match=r"runs/tiny.* cannot be written: .*; name another"):
            run(plan_file, "--runs", tmp_path / "runs", *options)
    (tmp_path / "runs").unlink()
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    (tmp_path / "runs" / "tiny" / "cells").write_text("", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"cells.* cannot be written"):
        run(plan_file, "--runs", tmp_path / "runs", "--processes", "1")
