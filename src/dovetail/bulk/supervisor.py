"""One worker and who watches it: a unit is tried until it is done, whatever kills the worker.

A worker that ends in the middle of a unit, takes too much memory or gives no sign of life for too
long is started again, and so is the unit.  Where that happens twice, the documents that were at
work are tried one by one; one that ends its worker twice by itself is left out, and the unit is
begun anew without it.  So a shard depends on what its documents do, and not on who died when.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from dovetail.bulk.heartbeat import Beat, Heartbeat
from dovetail.bulk.messages import OUT_OF_MEMORY, Failed, Identity, Probe, Setting
from dovetail.bulk.shard import Shard
from dovetail.bulk.unit_work import Task
from dovetail.errors import DovetailError

LOOK_SECONDS = 0.2
"""How often a worker is looked at that says nothing."""

ATTEMPTS = 2
"""At a unit, before its documents are tried one by one; and at a document by itself."""

ROUNDS = 3
"""Of attempts at a unit, between which no document was found that ends its worker."""

STARTS = 4
"""Of workers in a row that end before they have loaded the model."""


class UnitError(DovetailError):
    """A unit whose workers end again and again, though each of its documents can be extracted."""


class StoppedError(Exception):
    """The supervisor was told to stop."""


class _WorkerDied(Exception):  # noqa: N818  an event, which another attempt follows
    def __init__(self, reason: str, beat: Beat) -> None:
        super().__init__(reason)
        self.reason, self.beat = reason, beat


class Supervisor:
    """Has one worker at a time.

    Args:
        setting: model and options.
        memory: the most bytes that the worker may have in memory; watched where the system tells.

    One thread asks for shards; another may look at `done`, and `stop` it.
    """

    def __init__(self, setting: Setting, memory: int | None = None) -> None:
        self._setting, self._memory = setting, memory
        self._worker: _Worker | None = None
        self._identity: Identity | None = None
        self._is_stopped = False
        self._lock = threading.Lock()
        self.deaths = 0
        """Workers that ended before they were told to."""

    @property
    def pid(self) -> int | None:
        """The number of the process of the worker, if there is one."""
        worker = self._worker
        return None if worker is None else worker.process.pid

    @property
    def size_done(self) -> int:
        """The bytes of the unit under way that are done."""
        worker = self._worker
        return 0 if worker is None or not worker.is_at_unit else worker.heartbeat.last.size

    def identity(self) -> Identity:
        """What the worker has loaded.

        Raises:
            DovetailError: if it cannot be loaded, or workers die of it.
        """
        for _ in range(STARTS):
            try:
                return self._ready()[1]
            except _WorkerDied as died:
                reason = died.reason
        raise DovetailError(
            f"{STARTS} workers in a row ended while they loaded the model: {reason}"
        )

    def shard(self, task: Task) -> Shard:
        """Do a unit.

        Raises:
            UnitError: if its workers end again and again.
            DovetailError: if an input is not what it was, or the model cannot be loaded.
            StoppedError: if it was told to stop.
        """
        deaths: list[_WorkerDied] = []
        while len(deaths) < ATTEMPTS * ROUNDS:
            try:
                return self._ask(task)
            except _WorkerDied as died:
                deaths.append(died)
            if len(deaths) % ATTEMPTS == 0 and (found := self._killers(task, deaths[-1].beat)):
                task = replace(task, left_out={**task.left_out, **found})
                deaths = []
        raise UnitError(f"{deaths[-1].reason}, {len(deaths)} times")

    def stop(self) -> None:
        """End the worker; what is asked for is given up."""
        with self._lock:
            self._is_stopped = True
            if self._worker is not None:
                self._worker.process.kill()

    def close(self) -> None:
        """Let the worker go, and wait until it is gone; nothing can be asked afterwards."""
        self.stop()
        if self._worker is not None:
            self._worker.end()

    def _killers(self, task: Task, beat: Beat) -> Mapping[int, str]:
        """The documents among those at work that end their worker, each tried by itself."""
        found: dict[int, str] = {}
        suspects = {*range(beat.first, beat.last + 1)} - task.left_out.keys()
        while suspects:
            died = self._probed(task, suspects)
            if died is None:
                break
            suspect = died.beat.first
            suspects = {number for number in suspects if number > suspect}
            deaths = [died, *(self._probed(task, {suspect}) for _ in range(ATTEMPTS - 1))]
            if all(deaths):
                found[suspect] = died.reason
        return found

    def _probed(self, task: Task, numbers: set[int]) -> _WorkerDied | None:
        """How the worker ended at one of the documents, or None."""
        try:
            self._ask(Probe(task, frozenset(numbers)))
        except _WorkerDied as died:
            return died
        return None

    def _ask(self, what: Task | Probe) -> Any:
        """The worker's answer."""
        self.identity()
        worker = self._ready()[0]
        worker.begin(what)
        try:
            answer = self._answer(worker, self._setting.options.max_seconds)
        finally:
            worker.is_at_unit = False
        if isinstance(answer, Failed):
            raise DovetailError(answer.message)
        return answer

    def _ready(self) -> tuple[_Worker, Identity]:
        """A worker that has loaded the model."""
        if self._worker is not None and self._worker.process.poll() is not None:
            self._let_go(self._worker)  # between two tasks, so it is the fault of neither
        if self._worker is None:
            with self._lock:
                if self._is_stopped:
                    raise StoppedError
                self._worker = _Worker(self._setting)
            answer = self._answer(self._worker, None)
            if isinstance(answer, Failed):
                raise DovetailError(answer.message)
            if self._identity not in (None, answer):
                raise DovetailError(f"the model {self._setting.model} was changed during the run")
            self._identity = answer
        assert self._identity is not None
        return self._worker, self._identity

    def _answer(self, worker: _Worker, most_seconds: float | None) -> Any:
        """What a worker says; its end is raised, and brought about where it goes too far."""
        sign, since = -1, time.monotonic()
        reason = ""
        try:
            while not worker.pipe.poll(LOOK_SECONDS):
                beat = worker.heartbeat.last
                if beat.sign != sign:
                    sign, since = beat.sign, time.monotonic()
                # Before its first document it may have to unpack very much.
                silent = time.monotonic() - since if sign != worker.first_sign else 0.0
                reason = self._too_far(worker, most_seconds, silent)
                if reason:
                    worker.process.kill()
                    break
            else:
                return worker.pipe.recv()
        except (EOFError, OSError):
            pass
        raise self._died(worker, reason)

    def _too_far(self, worker: _Worker, most_seconds: float | None, silent: float) -> str:
        if most_seconds is not None and silent > most_seconds:
            return f"it takes longer than the {most_seconds:g} seconds of --max-seconds"
        if self._memory is not None and resident_bytes(worker.process.pid) > self._memory:
            return "it takes more memory than --memory leaves for one worker"
        return ""

    def _died(self, worker: _Worker, reason: str) -> _WorkerDied:
        ended = self._let_go(worker)
        return _WorkerDied(reason or ended, worker.heartbeat.last)

    def _let_go(self, worker: _Worker) -> str:
        """Forget a worker that has ended; says why it did."""
        ended = worker.end()
        with self._lock:
            self._worker = None
            if self._is_stopped:
                raise StoppedError
        self.deaths += 1
        return ended


class _Worker:
    """A process, our end of its pipe, and its signs of life."""

    def __init__(self, setting: Setting) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.heartbeat, descriptor = Heartbeat.new()
        self.is_at_unit = False
        self.first_sign = 0
        """The sign with which its task began: it has shown no other of its own since."""
        passed = [theirs.fileno(), descriptor]
        with theirs:  # closed here, so that the end of the process is the end of the pipe
            self.process = subprocess.Popen(
                [sys.executable, "-m", setting.program, *map(str, passed)],
                pass_fds=passed,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={"OMP_NUM_THREADS": "1", **os.environ},
                start_new_session=True,  # so that Ctrl-C reaches the process that resumes alone
            )
        os.close(descriptor)
        with suppress(OSError):  # that it is dead will be seen
            self.pipe.send(setting)

    def begin(self, what: Task | Probe) -> None:
        """Give it something to do."""
        unit = what.unit if isinstance(what, Task) else what.task.unit
        self.heartbeat.tell(unit.first, unit.first + unit.documents - 1, 0)
        self.first_sign = self.heartbeat.last.sign
        self.is_at_unit = isinstance(what, Task)
        with suppress(OSError):
            self.pipe.send(what)

    def end(self) -> str:
        """Let go of the process; says why it ended."""
        self.pipe.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        code = self.process.wait()
        if code == OUT_OF_MEMORY:
            return "there is not enough memory for it"
        if code < 0:
            return f"the process that worked on it is killed (signal {-code}), as when memory ends"
        return f"the process that worked on it ends with exit code {code}"


def resident_bytes(pid: int) -> int:
    """The memory of a process that nobody shares with it, where the system tells; else 0."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            _, resident, shared, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
