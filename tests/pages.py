"""Runs what a page shows, in its order: the commands of its shell blocks, and its Python.

Each line of a shell block is a command.  A block that leaves a program in the background is one
script, as it would be in one terminal, and the server that it starts gets a free port.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.markdown import PROJECT, blocks_from_markdown

INSTALLATION = ("git clone ", "make ", "export PIP_", ". .venv/", ".venv/bin/pip ")
SHIPPED = ("news", "adverse-effects")
IN_BACKGROUND = re.compile(r" &$", re.MULTILINE)
SERVER = re.compile(r"\bdovetail serve\b")
PORT = "127.0.0.1:8000"
AT_LAST = "trap '[ $? = 0 ] || kill $(jobs -p); wait' EXIT\n"
"""Before a script with a program in the background, which would outlive a line that fails."""

Command = tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    returncode: int
    output: str
    errors: str


def commands_of_block(language: str, text: str) -> Iterator[Command]:
    """The programs of a block: each line of a shell's, or the whole of Python's."""
    if language == "sh" and IN_BACKGROUND.search(text):
        yield "bash", "-e", "-c", text
    elif language == "sh":
        for line in text.splitlines():
            yield "bash", "-c", line
    elif language == "python":
        yield sys.executable, "-c", text


def commands_of_page(page: Path) -> list[Command]:
    """The programs that a page shows, without the installation, which is done before any test."""
    return [
        command
        for block in blocks_from_markdown(page.read_text(encoding="utf-8"))
        for command in commands_of_block(block.language, block.text)
        if not command[-1].startswith(INSTALLATION)
    ]


def missing_model(command: Command) -> str:
    """The shipped model that a command needs and that is not there; empty if there is none."""
    words = command[-1].replace('"', " ").split()
    shipped = PROJECT / "src" / "dovetail" / "pretrained"
    for name in SHIPPED:
        if name in words and not (shipped / name).is_dir():
            return name
    return ""


def make_folder(folder: Path) -> Path:
    """A folder with the examples, where the commands of a page can be run."""
    shutil.copytree(PROJECT / "examples", folder / "examples")
    return folder


def run_command(command: Command, folder: Path) -> Outcome:
    """Run a program of a page."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONWARNINGS": "error",
    }
    *program, text = command
    before = AT_LAST if IN_BACKGROUND.search(text) else ""
    ended = subprocess.run(
        [*program, before + at_a_free_port(text)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def at_a_free_port(text: str) -> str:
    """The same command with a server, and those who ask it, at another port than the usual one."""
    if not SERVER.search(text):
        return text
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return SERVER.sub(f"dovetail serve --port {port}", text).replace(PORT, f"127.0.0.1:{port}")


def name_of(value: object) -> str | None:
    """The name of a page or of a command in the names of tests."""
    if isinstance(value, Path):
        return value.stem
    return value[-1].splitlines()[0] if isinstance(value, tuple) else None
