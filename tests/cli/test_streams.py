"""The streams of the process: whatever is wrong with them is a sentence and an exit code."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, save_corpus

DOVETAIL = [sys.executable, "-m", "dovetail"]


def ended(command: list[str], **streams: Any) -> tuple[int, str]:
    """The exit code, and what was said on standard error, which is no traceback."""
    done = subprocess.run(
        [*DOVETAIL, *command], stderr=subprocess.PIPE, text=True, check=False, **streams
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    return done.returncode, done.stderr


@contextmanager
def closed_pipe() -> Iterator[int]:
    """The end to write of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.fixture
def full_device(tmp_path: Path) -> Path:
    """A node of the device that is always full, which is no harm to write to."""
    node = tmp_path / "full"
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        node.open("wb").close()
    except OSError:
        pytest.skip("making a device node takes root, and a file system that allows it")
    return node


@pytest.fixture
def commands(tmp_path: Path) -> list[list[str]]:
    """Commands that print by each of the ways there are: typer, rich, and plain writing."""
    corpus = str(save_corpus(DEV, tmp_path / "dev.jsonl"))
    scores = ["evaluate", "--predictions", corpus, corpus, "--samples", "0"]
    return [["--version"], ["inspect", corpus], [*scores, "--json"]]


def test_a_full_standard_output_is_a_sentence(commands: Any, full_device: Path) -> None:
    for command in commands:
        with full_device.open("wb") as full:
            code, said = ended(command, stdout=full)
        assert said.endswith("error: standard output cannot be written: No space left on device\n")
        assert code == 1


def test_a_pipe_that_nobody_reads_is_a_sentence_and_the_code_of_the_shell(commands: Any) -> None:
    for command in commands:
        with closed_pipe() as writing:
            code, said = ended(command, stdout=writing)
        assert said.endswith("error: standard output was closed before the end\n")
        assert code == 141


def closed(descriptor: int) -> Any:
    return {"preexec_fn": lambda: os.close(descriptor)}


def test_a_closed_standard_output_is_a_sentence(commands: Any) -> None:
    code, said = ended(commands[0], **closed(1))
    assert said == "error: standard output is closed; name a file to write, or open it\n"
    assert code == 1


def test_a_closed_standard_input_is_a_sentence(trained_model: Path) -> None:
    done = subprocess.run(
        [*DOVETAIL, "extract", str(trained_model)],
        capture_output=True,
        text=True,
        check=False,
        **closed(0),
    )
    assert "error: standard input is closed; name a text or a file to extract from" in done.stderr
    assert (done.returncode, done.stdout) == (1, "")
