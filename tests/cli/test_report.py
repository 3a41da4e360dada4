"""`dovetail report`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.corpus import DEV, save_corpus
from typer.testing import CliRunner, Result

from dovetail.cli import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False
    )


@pytest.fixture
def run_folder(trained_model: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained_model.parent, tmp_path / "run")
    return tmp_path / "run"


def test_report_of_a_run_lies_in_its_folder(run_folder):
    done = run("report", run_folder)
    assert done.exit_code == 0
    assert done.stdout == f"report: {run_folder / 'report.html'}\n"
    assert "<!DOCTYPE html>" in (run_folder / "report.html").read_text(encoding="utf-8")


def test_report_goes_where_it_is_wanted_and_scores_a_test_corpus(run_folder, tmp_path):
    corpus = save_corpus(DEV, tmp_path / "test.jsonl")
    done = run("report", run_folder, "--test", corpus, "--output", tmp_path / "page.html")
    assert done.exit_code == 0
    assert "This page scores a test corpus" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not (run_folder / "report.html").exists()


def test_report_of_predictions_lies_beside_them(tmp_path):
    gold = save_corpus(DEV, tmp_path / "gold.jsonl")
    predicted = save_corpus([s.without_annotations() for s in DEV], tmp_path / "predicted.jsonl")
    done = run("report", gold, "--predictions", predicted)
    assert done.exit_code == 0
    page = (tmp_path / "predicted.html").read_text(encoding="utf-8")
    assert "Errors by kind" in page


def test_test_corpus_beside_predictions_is_refused(tmp_path):
    gold = save_corpus(DEV, tmp_path / "gold.jsonl")
    done = run("report", gold, "--predictions", gold, "--test", gold)
    assert done.exit_code == 2


def test_folder_that_is_not_there_is_said_before_the_work(run_folder, tmp_path):
    done = run("report", run_folder, "--output", tmp_path / "none" / "page.html")
    assert done.exit_code == 2
    assert "there is no folder" in done.stderr


def test_missing_extra_is_said_with_how_to_install_it(run_folder):
    program = (
        "import sys\nsys.modules['jinja2'] = None\n"
        "from dovetail.cli import main\n"
        f"sys.argv = ['dovetail', 'report', {str(run_folder)!r}]\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'dovetail[report]'" in done.stderr
