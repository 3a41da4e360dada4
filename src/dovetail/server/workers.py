"""Several processes of a server on one socket; the system gives each of them connections."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from ctypes import c_bool
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Protocol

from prometheus_client import multiprocess

from dovetail.errors import DovetailError
from dovetail.server.linked import Link
from dovetail.server.metrics import SHARED_FOLDER
from dovetail.server.orphans import HeldConnections, Orphans
from dovetail.server.running import Settings, serve_here
from dovetail.threads import prepare_threads

Say = Callable[[str], None]

LONGEST_PAUSE = 30.0
"""Seconds before a worker starts that was killed before it was ready; 1 s at first, then twice."""

MOST_DEATHS = 6
"""Of a worker in a row, before it was ready: then it is not started again."""


class Flag(Protocol):
    """A value that processes share, without a lock that one could die with."""

    value: bool


def serve_in_workers(settings: Settings, listening: socket.socket, say: Say) -> None:
    """Serve in as many processes as the settings say, until a signal ends them.

    A process that is killed is started again, after a pause if it was not ready, and what it had
    not answered yet is answered with 503.  `say` is sent to each of them.

    Raises:
        DovetailError: if one cannot start, or is killed again and again before it is ready.
    """
    with tempfile.TemporaryDirectory(prefix="dovetail-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            _Workers(settings, listening, say).run()
        finally:
            del os.environ[SHARED_FOLDER]


class _Worker:
    """One of the processes, and those that come after it under its number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: BaseProcess | None = None
        self.ready: Flag | None = None
        self.held: HeldConnections | None = None
        self.deaths = 0
        """In a row, without having been ready."""
        self.starts_at = 0.0

    def mourn(self) -> None:
        """Count how it was killed, and let the next one wait if that may happen to it too."""
        self.deaths = 0 if self.ready is not None and self.ready.value else self.deaths + 1
        pause = min(2.0 ** (self.deaths - 1), LONGEST_PAUSE) if self.deaths else 0.0
        self.starts_at = time.monotonic() + pause
        self.process = None


class _Workers:
    def __init__(self, settings: Settings, listening: socket.socket, say: Say) -> None:
        self._settings = settings
        self._listening = listening
        self._say = say
        self._context = get_context("spawn")  # forked processes compute on one thread
        self._workers = [_Worker(number) for number in range(1, settings.workers + 1)]
        self._orphans = Orphans()
        self._signals = 0
        self._has_failed = False

    def run(self) -> None:
        before = {kind: signal.signal(kind, self._end) for kind in (signal.SIGTERM, signal.SIGINT)}
        try:
            while self._workers or (self._orphans and self._signals < 2):
                for worker in self._workers:
                    is_due = worker.process is None and time.monotonic() >= worker.starts_at
                    if is_due and not self._signals:
                        self._start(worker)
                self._wait()
                self._workers = [own for own in self._workers if self._goes_on(own)]
        finally:
            self._orphans.close()
            for kind, handler in before.items():
                signal.signal(kind, handler)
        if self._has_failed:
            raise DovetailError("a worker could not start; what it said stands above")

    @property
    def _processes(self) -> list[BaseProcess]:
        return [own.process for own in self._workers if own.process is not None]

    def _wait(self) -> None:
        """Wait until a worker ends or has a connection, or a client who lost one says something."""
        held = [own.held for own in self._workers if own.held is not None]
        incoming = [socket for own in held for socket in own.incoming]
        ends = [own.sentinel for own in self._processes]
        wait([*ends, *incoming, *self._orphans.connections], timeout=1)
        for own in held:
            own.receive()
        self._orphans.attend()

    def _start(self, worker: _Worker) -> None:
        worker.ready = self._context.RawValue(c_bool, False)
        worker.held = HeldConnections(self._context, share=1 / self._settings.workers)
        arguments = (self._settings, self._listening, worker.number, self._say, worker.ready)
        worker.process = self._context.Process(
            target=_serve, args=(*arguments, worker.held.link), name=f"worker {worker.number}"
        )
        worker.process.start()
        worker.held.started()
        if self._signals:  # one came before it could be passed on
            worker.process.terminate()

    def _goes_on(self, worker: _Worker) -> bool:
        """Whether a worker runs or is to be started again, as those are that were killed."""
        process = worker.process
        if process is None:
            return not self._signals
        if process.exitcode is None:
            return True
        if process.pid is not None:
            multiprocess.mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
        told = self._release(worker)
        if self._signals or process.exitcode == 0:
            return False
        if process.exitcode > 0:
            return self._fail()
        worker.mourn()
        said = f"{process.name} was killed (signal {-process.exitcode})"
        if told:
            said += f" while {told:,} requests waited for it, which were answered with 503"
        if worker.deaths >= MOST_DEATHS:
            self._say(
                f"{said} {worker.deaths} times in a row before it was ready; if memory ran out, "
                f"start fewer --workers"
            )
            return self._fail()
        self._say(f"{said}; starts again")
        return True

    def _release(self, worker: _Worker) -> int:
        """Answer for a worker that ended; how many requests waited for it."""
        if worker.held is None:
            return 0
        left, worker.held = [*worker.held.release()], None
        return sum(self._orphans.adopt(connection, stage) for connection, stage in left)

    def _fail(self) -> bool:
        self._has_failed = True
        self._end(signal.SIGTERM, None)
        return False

    def _end(self, kind: int, frame: FrameType | None) -> None:
        """Let all processes end; at the second signal at once."""
        self._signals += 1
        for process in self._processes:
            if process.is_alive():
                process.terminate()


def _serve(
    settings: Settings, listening: socket.socket, number: int, say: Say, ready: Flag, link: Link
) -> None:
    """One of the processes."""
    prepare_threads()

    def on_ready() -> None:
        ready.value = True
        say(f"worker {number} is ready")

    try:
        serve_here(settings, listening, on_ready, link)
    except DovetailError as error:
        say(f"error: {error}")
        sys.exit(1)
