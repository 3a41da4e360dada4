"""Who does the cells: child processes side by side, or this process itself.

Both are told to start a cell, and say later how it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.experiment_cells import Cell

FINISHED, FAILED, TAKEN = "finished", "failed", "taken"

_GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.1
_EXIT_TAKEN = 75


@dataclass(frozen=True)
class Outcome:
    """How an attempt at a cell ended, and for a failure why."""

    cell: Cell
    ending: str
    message: str = ""


class Workers(Protocol):
    """A number of places in which cells are done."""

    @property
    def places(self) -> int:
        """How many cells can be under way at once."""

    def start(self, cell: Cell) -> None:
        """Begin a cell; there is a free place."""

    def wait(self, seconds: float) -> Sequence[Outcome]:
        """The cells that ended, after at most so many seconds."""

    def stop(self) -> None:
        """End what is under way; each cell can go on from its last epoch."""


class ProcessWorkers:
    """A child process for each cell.

    They stand in sessions of their own, so that Ctrl-C reaches this process alone, which ends them
    in order.  Each computes on one thread unless `OMP_NUM_THREADS` or the config says otherwise.
    """

    def __init__(self, root: Path, places: int) -> None:
        self.root = root
        self.places = places
        self._running: dict[subprocess.Popen[str], Cell] = {}

    def start(self, cell: Cell) -> None:
        folder = CellFolder(self.root, cell.key)
        with folder.open_log() as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dovetail.lab.experiment_work"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env={"OMP_NUM_THREADS": "1", **os.environ},
                start_new_session=True,
            )
        self._running[process] = cell
        assert process.stdin is not None
        with process.stdin:
            process.stdin.write(json.dumps({"cell": cell.to_json(), "root": str(self.root)}))

    def wait(self, seconds: float) -> list[Outcome]:
        until = time.monotonic() + seconds
        while not (ended := [p for p in self._running if p.poll() is not None]):
            if time.monotonic() >= until:
                return []
            time.sleep(_POLL_SECONDS)
        return [self._outcome(process) for process in ended]

    def _outcome(self, process: subprocess.Popen[str]) -> Outcome:
        cell, code = self._running.pop(process), process.returncode
        folder = CellFolder(self.root, cell.key)
        if code == 0 and folder.is_finished:
            return Outcome(cell, FINISHED)
        if code == _EXIT_TAKEN:
            return Outcome(cell, TAKEN)
        message = folder.read_failure()
        if not message:
            message = _cause(code)
            folder.note_failure(message)
        return Outcome(cell, FAILED, message)

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        until = time.monotonic() + _GRACE_SECONDS
        for process in self._running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()


class OwnProcess:
    """Does each cell here and now: nothing runs side by side, and nothing is imported twice."""

    places = 1

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ended: list[Outcome] = []

    def start(self, cell: Cell) -> None:
        from dovetail.lab.experiment_work import attempt  # it needs torch

        ending = attempt(cell, self.root)
        message = CellFolder(self.root, cell.key).read_failure()
        self._ended.append(Outcome(cell, ending.name.lower(), message))

    def wait(self, seconds: float) -> list[Outcome]:
        if not self._ended:
            time.sleep(seconds)
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """There is nothing under way between two calls."""


def _cause(code: int) -> str:
    """Why a process ended that left no message."""
    if code >= 0:
        return f"the process ended with exit code {code}; its log says more"
    name = signal.Signals(-code).name
    memory = "; the machine may have run out of memory" if name == "SIGKILL" else ""
    return f"the process was ended by {name}{memory}"
