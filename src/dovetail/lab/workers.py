"""Who does the cells: this process itself, or child processes side by side.

They are told to start a cell, and tell later what happens in it and how it ended.  What is to be
done with a cell is a `Work`: a generator of what it tells, which returns the outcome.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any, Protocol, TextIO

from dovetail.errors import DovetailError
from dovetail.lab.cell_events import Ended, Ending, LabCell, Progress

GRACE_SECONDS = 20.0

LONGEST_MESSAGE = 1000
"""Characters of an error message that are kept."""

Steps = Generator[Any, None, Ended]
Work = Callable[[Any], Steps]


class Workers(Protocol):
    """A number of places in which cells are done."""

    @property
    def places(self) -> int:
        """How many cells can be under way at once."""

    def start(self, cell: LabCell) -> None:
        """Begin a cell; there is a free place."""

    def wait(self, seconds: float) -> Sequence[Progress | Ended]:
        """Return the events since the last call, after at most so many seconds."""

    def answer(self, cell: LabCell, *, goes_on: bool) -> None:
        """After an epoch: let the cell go on, or end it, which gives its place back."""

    def stop(self) -> None:
        """End what is under way."""


class OwnProcess:
    """Does the cells here, one after another, a step whenever it is asked what happened."""

    places = 1

    def __init__(self, work: Work) -> None:
        self.work = work
        self._under_way: tuple[LabCell, Steps] | None = None

    def start(self, cell: LabCell) -> None:
        self._under_way = cell, self.work(cell)

    def wait(self, seconds: float) -> list[Progress | Ended]:
        if self._under_way is None:
            time.sleep(seconds)
            return []
        cell, steps = self._under_way
        try:
            return [Progress(cell, next(steps))]
        except StopIteration as ended:
            self._under_way = None
            return [ended.value]

    def answer(self, cell: LabCell, *, goes_on: bool) -> None:
        if not goes_on:
            self.stop()

    def stop(self) -> None:
        if self._under_way is not None:
            self._under_way[1].close()
            self._under_way = None


class ProcessWorkers:
    """Child processes, each with a pipe of its own to this one.

    They stand in sessions of their own, so that Ctrl-C reaches this process alone, which ends them.
    A child whose pipe has no other end any more ends by itself.

    Args:
        work: what is done with a cell; it is sent to the processes.
        places: how many there are at most.
        threads: what each computes on, unless `OMP_NUM_THREADS` or the config says otherwise.
        log_of: opens the file of all that is printed for a cell, to be written on; otherwise it
            goes where this process prints.

    A process goes from cell to cell, with what it remembers.
    """

    def __init__(
        self,
        work: Work,
        places: int,
        *,
        threads: int = 1,
        log_of: Callable[[Any], TextIO] | None = None,
    ) -> None:
        self.work, self.places, self.threads = work, places, threads
        self._log_of = log_of
        self._busy: dict[str, _Child] = {}
        self._idle: list[_Child] = []

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that are at a cell."""
        return [child.process.pid for child in self._busy.values()]

    def start(self, cell: LabCell) -> None:
        with nullcontext() if self._log_of is None else self._log_of(cell) as log:
            child = self._idle.pop() if self._idle else _Child(self.work, self.threads, log)
            child.give(cell, log)
        self._busy[cell.key] = child

    def wait(self, seconds: float) -> list[Progress | Ended]:
        if not self._busy:
            time.sleep(seconds)
            return []
        children = {child.pipe: child for child in self._busy.values()}
        ready = wait(list(children), seconds)
        return [self._told(child) for pipe, child in children.items() if pipe in ready]

    def _told(self, child: _Child) -> Progress | Ended:
        try:
            told = child.pipe.recv()
        except (EOFError, OSError):
            del self._busy[child.cell.key]
            return Ended(child.cell, Ending.DIED, child.end())
        if not isinstance(told, Ended):
            return Progress(child.cell, told)
        self._free(child)
        return replace(told, cell=child.cell)

    def _free(self, child: _Child) -> None:
        del self._busy[child.cell.key]
        self._idle.append(child)

    def answer(self, cell: LabCell, *, goes_on: bool) -> None:
        child = self._busy[cell.key]
        with suppress(OSError):  # that it is dead will be seen
            child.pipe.send(goes_on)
        if not goes_on:
            self._free(child)

    def stop(self) -> None:
        children = [*self._busy.values(), *self._idle]
        for child in children:
            child.process.terminate()
        for child in children:
            child.end()
        self._busy.clear()
        self._idle.clear()


class _Child:
    """A process and our end of its pipe."""

    def __init__(self, work: Work, threads: int, log: TextIO | None) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.cell: LabCell
        with theirs:  # closed here, so that the end of the process is the end of the pipe
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "dovetail.lab.worker_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=None if log is None else subprocess.STDOUT,
                env={"OMP_NUM_THREADS": str(threads), **os.environ},
                start_new_session=True,
            )
        self._send(work)

    def _send(self, what: object) -> None:
        with suppress(OSError):  # that it is dead will be seen
            self.pipe.send(what)

    def give(self, cell: LabCell, log: TextIO | None) -> None:
        self.cell = cell
        self._send((cell, None if log is None else log.name))

    def end(self) -> str:
        """Let go of the process; says why it ended."""
        self.pipe.close()
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return cause(self.process.returncode)


def cause(code: int) -> str:
    """Why a process ended that left no message.

    >>> cause(-9)
    'the process was ended by SIGKILL; the machine may have run out of memory'
    """
    if code >= 0:
        return f"the process ended with exit code {code}; its log says more"
    name = signal.Signals(-code).name
    memory = "; the machine may have run out of memory" if name == "SIGKILL" else ""
    return f"the process was ended by {name}{memory}"


def message_of(error: Exception) -> str:
    """The text of an error: its message, with the kind if it was not raised on purpose."""
    text = str(error)
    if not isinstance(error, DovetailError):
        text = f"{type(error).__name__}: {text}"
    return text[:LONGEST_MESSAGE]
