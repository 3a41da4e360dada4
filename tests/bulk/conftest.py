"""Inputs of all kinds, and runs over them with workers that start at once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dovetail.bulk import BulkOptions, Running, run_bulk

Runs = Callable[..., Path]


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of `tests.bulk.light_worker`, which need no torch."""
    monkeypatch.setattr("dovetail.bulk.messages.WORKER", "tests.bulk.light_worker")


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """A file of JSON lines, of 60 documents."""
    path = tmp_path / "names.jsonl"
    path.write_text("".join(map(line_of, range(60))), encoding="utf-8")
    return path


def line_of(number: int) -> str:
    text = f"Ada {number} met Grace in Łódź , not Bonn . " * (1 + number % 3)
    return json.dumps({"id": f"n{number}", "text": text, "year": 1900 + number}) + "\n"


def run(folder: Path, *inputs: object, resume: bool = False, workers: int = 1, **options: object):
    """A run with small units."""
    chosen = BulkOptions(**{"unit_documents": 7, **options})
    running = Running(workers=workers, resume=resume)
    return run_bulk("light", [*map(str, inputs)], folder, chosen, running)


def kill(process: int) -> None:
    """Kill a process that may end by itself meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def content_of(folder: Path) -> dict[str, str]:
    """The digests of all files that the same run leaves again, by their names."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("summary.json", "bulk.lock")
    }
