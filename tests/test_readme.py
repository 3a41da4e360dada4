"""What the README shows is run, in its order, in a folder that holds the examples and nothing else.

The exceptions are the installation, which `make` does before any test, and the shipped models where
they are not part of the tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.markdown import PROJECT, blocks_from_markdown

from dovetail.evaluation import evaluate

README = PROJECT / "README.md"
INSTALLATION = ("git clone ", "make ", "python3 -m venv ", ".venv/bin/pip ")
SHIPPED = ("news", "adverse-effects")


def commands_of(language: str, text: str) -> Iterator[tuple[str, ...]]:
    """The programs of a block: each line of a shell's, or the whole of Python's."""
    if language == "sh":
        for line in text.splitlines():
            yield "bash", "-c", line
    elif language == "python":
        yield sys.executable, "-c", text


COMMANDS = [
    command
    for block in blocks_from_markdown(README.read_text(encoding="utf-8"))
    for command in commands_of(block.language, block.text)
    if not command[-1].startswith(INSTALLATION)
]


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    returncode: int
    output: str
    errors: str


def missing_model(command: tuple[str, ...]) -> str:
    """The shipped model that a command needs and that is not there; empty if there is none."""
    words = command[-1].split()
    shipped = PROJECT / "src" / "dovetail" / "pretrained"
    for name in SHIPPED:
        if name in words and not (shipped / name).is_dir():
            return name
    return ""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples."""
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(PROJECT / "examples", folder / "examples")
    return folder


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> dict[tuple[str, ...], Outcome]:
    """All commands, run one after another: what one leaves the next may need."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "error",
    }
    outcomes = {}
    for command in COMMANDS:
        if not missing_model(command):
            ended = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            outcomes[command] = Outcome(ended.returncode, ended.stdout, ended.stderr)
    return outcomes


def first_line(command: tuple[str, ...]) -> str:
    return command[-1].splitlines()[0]


@pytest.mark.parametrize("command", COMMANDS, ids=first_line)
def test_command_of_the_readme_succeeds(command, outcomes):
    if name := missing_model(command):
        pytest.skip(f"the model {name!r} is not shipped with this tree")
    outcome = outcomes[command]
    assert outcome.returncode == 0, outcome.errors


def test_readme_shows_every_command_of_the_command_line():
    from dovetail.cli import app

    text = README.read_text(encoding="utf-8")
    for command in app.registered_commands:
        assert f"dovetail {command.name} " in text or f"make {command.name}\n" in text


def test_run_leaves_what_the_readme_lists(outcomes, folder):
    text = README.read_text(encoding="utf-8")
    tree = next(
        block.text for block in blocks_from_markdown(text) if block.text.startswith("runs/harbour/")
    )
    listed, inside = set(), ""
    for line in tree.splitlines()[1:]:
        name = line.split()[0]
        deeper = line.startswith("    ")
        inside = inside if deeper else name
        listed.add(f"{inside}{name}" if deeper else name)
    run = folder / "runs" / "harbour"
    found = {path for path in run.rglob("*") if path.parent.name != "checkpoint"}
    assert listed == {f"{p.relative_to(run)}{'/' if p.is_dir() else ''}" for p in found}


def test_python_sample_counts_what_the_command_line_counts(outcomes, folder):
    from dovetail.corpora import read_corpus

    gold = read_corpus(folder / "examples/harbour/test.jsonl").sentences
    predicted = read_corpus(folder / "predictions.json").sentences
    score = evaluate(gold, predicted, bootstrap_samples=0).relation_strict.micro.f1
    (printed,) = (
        outcome.output.splitlines()[-1]
        for command, outcome in outcomes.items()
        if "relation_strict" in command[-1]
    )
    assert float(printed) == score
    assert score > 0.35  # half of what the README says; less means that something is broken


def test_every_folder_of_the_tree_is_listed():
    text = README.read_text(encoding="utf-8")
    tree = next(
        block.text for block in blocks_from_markdown(text) if block.text.startswith("src/dovetail/")
    )
    listed = {line.split()[0].rstrip("/") for line in tree.splitlines()}
    package = {path.parent.name for path in (PROJECT / "src" / "dovetail").glob("*/__init__.py")}
    assert package <= listed
    for name in listed:
        assert (PROJECT / name).is_dir() or (PROJECT / "src" / "dovetail" / name).is_dir()


def test_formats_of_the_overview_are_those_that_are_read():
    from dovetail.corpora import FORMATS

    text = (README.parent / "docs" / "formats.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| [`")]
    listed = {row[0].split("`")[1]: row[2].startswith("yes") for row in rows}
    assert listed == {name: format.write is not None for name, format in FORMATS.items()}
