"""The plans of the project: each goes through from end to end, small."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.lab.experiment_cells import cells_of, smoke_plan
from dovetail.lab.experiment_plan import load_plan

PROJECT = Path(__file__).resolve().parents[2]
PLANS = sorted((PROJECT / "experiments").glob("*.toml"))


def test_there_are_plans() -> None:
    assert PLANS


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_plan_has_the_name_of_its_file_and_cells_that_can_be_trained(path: Path) -> None:
    plan = load_plan(path)
    assert plan.name == path.stem
    assert cells_of(plan, Path("cells"))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_plan_goes_through(
    path: Path, data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOVETAIL_DATA", str(data_folder))
    runs = tmp_path / "runs"
    arguments = ["experiment", str(path), "--smoke", "--runs", str(runs), "--drop", "models"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    plan = smoke_plan(load_plan(path))
    assert f"tries {len(plan.rows)} of {len(load_plan(path).rows)} configs" in done.output
    folder = runs / plan.name
    results = list((folder / "cells").rglob("result.json"))
    assert len(results) == len(cells_of(plan, folder / "cells")) >= 1
    for name in ("cells.parquet", "scores.csv", "summary.json", "table.md", "figures/scores.png"):
        assert (folder / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["conll04_ablation", "ade_ablation"])
def test_ablation_lacks_one_thing_at_a_time(name: str) -> None:
    """What the lists of encoders of a plan repeat from the recipe is the same as there."""
    plan = load_plan(PROJECT / "experiments" / f"{name}.toml")
    cells = {cell.row: cell for cell in cells_of(plan, Path("cells"))}
    full = {encoder.kind: encoder for encoder in cells[plan.first].config.encoders}
    for row, lacking in (("no characters", "characters"), ("no casing", "casing")):
        kept = {encoder.kind: encoder for encoder in cells[row].config.encoders}
        assert {**kept, lacking: full[lacking]} == full
        assert lacking not in kept
