"""Commands say what they are at while that takes long, and are silent while it is quick."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import DEV, save_corpus
from tests.waiting import until

from dovetail.cli import waiting
from dovetail.cli.waiting import Waiting, being_read, line_of
from dovetail.running.steps import Done


@given(st.integers(1, 10**9), st.integers(0, 10**9), st.floats(0.1, 1e5))
def test_share_and_rest_are_those_of_what_is_done(total: int, done: int, seconds: float) -> None:
    line = line_of("annotating", Done(min(done, total), total), seconds)
    if done == 0:
        assert line.endswith(" so far")
    else:
        assert f" {100 * min(done, total) // total} %, about " in line
        assert line.endswith(" left")


def test_stage_is_one_harmless_line() -> None:
    assert line_of("reading a\nb\x1b[2J", None, 1.0) == "reading a b␛[2J: 1.0 s so far"


def test_size_of_a_large_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    assert being_read(path) == f"reading {path}"
    with path.open("wb") as file:
        file.truncate(34_000_000)  # a hole, which takes no room
    assert being_read(path) == f"reading {path} (34 MB)"
    assert being_read(tmp_path) == f"reading {tmp_path}"


@pytest.fixture
def quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything a hundred times as early."""
    for name in ("LOOK_SECONDS", "LIVE_AFTER", "PLAIN_AFTER", "PLAIN_EVERY"):
        monkeypatch.setattr(waiting, name, getattr(waiting, name) / 100)


def wait_until(lines: list[str], number: int) -> None:
    until(lambda: len(lines) >= number, seconds=60)


@pytest.mark.usefixtures("quick_clock")
def test_long_stages_get_plain_lines_again_and_again() -> None:
    lines: list[str] = []
    with Waiting(lines.append, live=False) as tell:
        tell.stage("reading x.json")
        wait_until(lines, 2)
        tell.stage("annotating")
        tell.progress(Done(1, 4))
        told = len(lines)
        wait_until(lines, told + 1)
    assert lines[0].startswith("reading x.json: ")
    assert lines[-1].startswith("annotating: 25 %, about ")
    told = len(lines)
    time.sleep(0.5)
    assert len(lines) == told  # the work is over


def test_quick_work_and_rest_are_silent() -> None:
    lines: list[str] = []
    with Waiting(lines.append, live=False) as tell:
        for number in range(20):
            tell.stage(f"stage {number}")
        tell.rest()
        time.sleep(2 * waiting.LOOK_SECONDS)
    assert lines == []


@pytest.mark.usefixtures("quick_clock")
def test_line_in_a_terminal_is_erased_when_the_work_is_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "screen"

    def written() -> str:
        return path.read_bytes().decode(errors="ignore")  # which may end within a character

    with path.open("w+", encoding="utf-8") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("COLUMNS", "40")
        with Waiting(live=True) as tell:
            tell.stage("reading a corpus with a name that no terminal of forty columns holds")
            until(lambda: written().count(waiting.ERASED) > 2, seconds=60)
    shown = written().split(waiting.ERASED)
    assert len(shown) > 3
    assert shown[-1] == ""
    assert all(0 < len(line) < 40 for line in shown[1:-1])


def test_commands_on_small_corpora_write_nothing_beside_their_results(tmp_path: Path) -> None:
    path = save_corpus(DEV, tmp_path / "dev.jsonl")
    command = [sys.executable, "-m", "dovetail", "convert", str(path), str(tmp_path / "out.json")]
    done = subprocess.run([*command, "--to", "spert"], capture_output=True, text=True, check=True)
    assert "Written to" in done.stdout
    assert not re.search("reading|writing", done.stderr)


PROGRAM = """
import time
from dovetail.cli.waiting import Waiting
with Waiting() as tell:
    tell.stage("reading the corpora")
    time.sleep(1.6)
print("result")
"""


def test_terminal_is_told_on_standard_error_within_two_seconds() -> None:
    controller, terminal = pty.openpty()
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=terminal, text=True
    )
    os.close(terminal)
    shown = os.read(controller, 10_000).decode()
    os.close(controller)
    assert process.stdout == "result\n"
    assert "reading the corpora: 1" in shown
    assert shown.endswith(waiting.ERASED)
