from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import dovetail
from dovetail.cli import app

COMMANDS = [
    "advise",
    "calibrate",
    "demo",
    "doctor",
    "inspect",
    "convert",
    "train",
    "ensemble",
    "evaluate",
    "experiment",
    "extract",
    "graph",
    "probe",
    "push",
    "report",
    "serve",
    "strategies",
    "tune",
]


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(f" {command} " in result.output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_paragraphs_of_help_are_broken_by_the_terminal_alone() -> None:
    for command in app.registered_commands:
        assert command.help
        assert all("\n" not in paragraph for paragraph in command.help.split("\n\n"))


def test_output_has_the_same_short_name_everywhere() -> None:
    commands = typer.main.get_command(app).commands
    outputs = {
        name: option.opts
        for name, command in commands.items()
        for option in command.params
        if "--output" in option.opts
    }
    assert len(outputs) > 5
    assert all("-o" in opts for opts in outputs.values()), outputs


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from dovetail.cli import main\n"
        "sys.argv = ['dovetail', '--help']\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = shell("-c", program)
    assert done.returncode == 0
    assert not {"torch", "spacy", "transformers", "numpy"} & set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "limit_seconds"),
    [(("-m", "dovetail", "--help"), 0.5), (("-c", "import dovetail"), 0.3)],
    ids=["help", "import"],
)
def test_start_is_quick(arguments: tuple[str, ...], limit_seconds: float) -> None:
    """The processor's time, of which other work on the machine takes none; the best of several."""
    best = float("inf")
    for _ in range(10):
        before = os.times()
        assert shell(*arguments).returncode == 0
        after = os.times()
        user = after.children_user - before.children_user
        best = min(best, user + after.children_system - before.children_system)
        if best < limit_seconds:
            break
    assert best < limit_seconds


def test_errors_of_the_user_are_printed_without_a_traceback() -> None:
    done = shell("-m", "dovetail", "train", "nowhere.toml")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: nowhere.toml: there is no such config file")
    assert "Traceback" not in done.stderr


def test_version_is_that_of_the_package() -> None:
    assert shell("-m", "dovetail", "--version").stdout == f"dovetail {dovetail.__version__}\n"
