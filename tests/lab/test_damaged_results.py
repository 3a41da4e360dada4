"""What an experiment left and somebody damaged is named, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.errors import OutputError, TrainingError
from dovetail.lab.cell_folder import CellFolder, write_json

DAMAGED = pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"scores": {}}'])


@DAMAGED
def test_damaged_result_is_named(plan_file: Path, tmp_path: Path, text: str) -> None:
    result = CellFolder(tmp_path / "runs" / "tiny" / "cells", "full/all/seed1").result
    result.parent.mkdir(parents=True)
    result.write_text(text, encoding="utf-8")
    command = ["experiment", str(plan_file), "--runs", str(tmp_path / "runs"), "--tables"]
    with pytest.raises(TrainingError, match=r"result\.json cannot be read: .*; remove it to run"):
        CliRunner().invoke(app, command, catch_exceptions=False)


@DAMAGED
def test_damaged_speed_is_named(tmp_path: Path, text: str) -> None:
    folder = CellFolder(tmp_path, "cell")
    folder.path.mkdir()
    folder.speed.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match=r"speed\.json cannot be read: .*; remove it"):
        folder.read_speed()


def test_result_that_cannot_be_written_is_a_matter_of_output(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()
    with pytest.raises(OutputError, match=r"result\.json"):
        write_json(tmp_path / "result.json", {})
