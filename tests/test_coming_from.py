"""What the pages for users of other tools show is run, each in a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.markdown import PROJECT
from tests.pages import Command, Outcome, commands_of_page, make_folder, name_of, run_command

PAGES = sorted((PROJECT / "docs" / "coming-from").glob("*.md"))
COMMANDS = [(page, command) for page in PAGES for command in commands_of_page(page)]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Path, Command], Outcome]:
    """All commands, run one after another: what one leaves the next may need."""
    folders = {page: make_folder(tmp_path_factory.mktemp(page.stem)) for page in PAGES}
    return {(page, command): run_command(command, folders[page]) for page, command in COMMANDS}


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=name_of)
def test_command_of_the_page_succeeds(page, command, outcomes):
    outcome = outcomes[page, command]
    assert outcome.returncode == 0, outcome.errors


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_of_the_page_finds_the_ship(page, outcomes):
    printed = [
        outcomes[page, command].output
        for of, command in COMMANDS
        if of == page and command[0] == sys.executable and "print(" in command[-1]
    ]
    assert printed
    assert any("Hoopoe" in text or "Arica" in text for text in printed)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_page_says_what_corresponds_and_what_is_gained_and_lost(page):
    text = page.read_text(encoding="utf-8")
    for heading in ("## What is what", "## What you gain", "## What you lose"):
        assert heading in text
