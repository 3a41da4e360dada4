"""What the README, the tutorial and the pages on Python show is run, in its order.

The README runs in a folder that holds the examples and nothing else, as do the pages on spaCy and
on data frames; the tutorial runs in another such folder, and the page on Python after it, since it
uses the model that was trained there.  The exceptions are the installation, which `make` does
before any test, and the shipped models where they are not part of the tree.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from tests.markdown import PROJECT, blocks_from_markdown
from tests.pages import (
    Command,
    Outcome,
    commands_of_page,
    make_folder,
    missing_model,
    name_of,
    run_command,
)

from dovetail.evaluation import evaluate

README = PROJECT / "README.md"
TUTORIAL = PROJECT / "docs" / "tutorial.md"
PYTHON = PROJECT / "docs" / "python.md"
SPACY = PROJECT / "docs" / "spacy.md"
DATA_FRAMES = PROJECT / "docs" / "dataframes.md"
FOLDERS = {
    README: "newcomer",
    TUTORIAL: "learner",
    PYTHON: "learner",
    SPACY: "user of spaCy",
    DATA_FRAMES: "user of frames",
}
"""The pages in the order in which they are run, each with its folder."""

COMMANDS = [(page, command) for page in FOLDERS for command in commands_of_page(page)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the examples."""
    return {name: make_folder(tmp_path_factory.mktemp(name)) for name in set(FOLDERS.values())}


@pytest.fixture(scope="module")
def outcomes(folders: dict[str, Path]) -> dict[tuple[Path, Command], Outcome]:
    """All commands, run one after another: what one leaves the next may need."""
    return {
        (page, command): run_command(command, folders[FOLDERS[page]])
        for page, command in COMMANDS
        if not missing_model(command)
    }


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=name_of)
def test_command_of_the_page_succeeds(page, command, outcomes):
    if name := missing_model(command):
        pytest.skip(f"the model {name!r} is not shipped with this tree")
    outcome = outcomes[page, command]
    assert outcome.returncode == 0, outcome.errors


def test_python_of_the_readme_prints_what_it_says(outcomes):
    blocks = blocks_from_markdown(README.read_text(encoding="utf-8"))
    (said,) = (block.text for block in blocks if block.language == "text")
    (command,) = (c for page, c in COMMANDS if page == README and c[0] == sys.executable)
    if name := missing_model(command):
        pytest.skip(f"the model {name!r} is not shipped with this tree")
    assert outcomes[README, command].output == said


@pytest.mark.parametrize("shade", ["light", "dark"])
def test_picture_of_the_readme_shows_what_its_python_prints(shade):
    blocks = blocks_from_markdown(README.read_text(encoding="utf-8"))
    (said,) = (block.text for block in blocks if block.language == "text")
    drawn = (PROJECT / "docs" / "images" / f"extraction-{shade}.svg").read_text(encoding="utf-8")
    title = re.search("<title>(.*)</title>", drawn)[1]
    relations = [line for line in said.splitlines() if " | " in line]
    assert title.endswith(", ".join(line.replace(" | ", " ") for line in relations))
    for _, _, type_, text in (line.split(" ", 3) for line in said.splitlines() if "|" not in line):
        assert f">{text}</text>" in drawn
        assert f">{type_}</text>" in drawn


def test_readme_fits_on_a_few_screens():
    assert len(README.read_text(encoding="utf-8").split()) <= 900


def test_readme_says_how_large_an_install_is_before_it_shows_the_command():
    text = README.read_text(encoding="utf-8")
    assert text.index("gigabytes") < text.index("make demo")


def test_readme_and_tutorial_show_every_command_of_the_command_line():
    from dovetail.cli import app

    text = "".join(page.read_text(encoding="utf-8") for page in (README, TUTORIAL))
    for command in app.registered_commands:
        assert f"dovetail {command.name} " in text or f"make {command.name}" in text


def test_run_leaves_what_the_tutorial_lists(outcomes, folders):
    text = TUTORIAL.read_text(encoding="utf-8")
    tree = next(
        block.text for block in blocks_from_markdown(text) if block.text.startswith("runs/harbour/")
    )
    listed, inside = set(), ""
    for line in tree.splitlines()[1:]:
        name = line.split()[0]
        deeper = line.startswith("    ")
        inside = inside if deeper else name
        listed.add(f"{inside}{name}" if deeper else name)
    run = folders[FOLDERS[TUTORIAL]] / "runs" / "harbour"
    found = {path for path in run.rglob("*") if path.parent.name != "checkpoint"}
    assert listed == {f"{p.relative_to(run)}{'/' if p.is_dir() else ''}" for p in found}


def test_python_sample_counts_what_the_command_line_counts(outcomes, folders):
    from dovetail.corpora import read_corpus

    folder = folders[FOLDERS[PYTHON]]
    gold = read_corpus(folder / "examples/harbour/test.jsonl").sentences
    predicted = read_corpus(folder / "predictions.json").sentences
    score = evaluate(gold, predicted, bootstrap_samples=0).relation_strict.micro.f1
    (printed,) = (
        outcome.output.splitlines()[-1]
        for (_, command), outcome in outcomes.items()
        if "relation_strict" in command[-1]
    )
    assert float(printed) == score
    assert score > 0.35  # half of what examples/README.md says; less means that something is broken


def test_every_folder_of_the_tree_is_listed():
    text = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
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
