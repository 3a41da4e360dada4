"""Several processes of a server on one socket; the system gives each of them connections."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

from prometheus_client import multiprocess

from dovetail.errors import DovetailError
from dovetail.server.metrics import SHARED_FOLDER
from dovetail.server.running import Settings, serve_here
from dovetail.threads import prepare_threads

Say = Callable[[str], None]


def serve_in_workers(settings: Settings, listening: socket.socket, say: Say) -> None:
    """Serve in as many processes as the settings say, until a signal ends them.

    A process that is killed is started again.  `say` is sent to each of them.

    Raises:
        DovetailError: if one cannot start.
    """
    with tempfile.TemporaryDirectory(prefix="dovetail-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            _Workers(settings, listening, say).run()
        finally:
            del os.environ[SHARED_FOLDER]


class _Workers:
    def __init__(self, settings: Settings, listening: socket.socket, say: Say) -> None:
        self._settings = settings
        self._listening = listening
        self._say = say
        self._context = get_context("spawn")  # forked processes compute on one thread
        self._processes: dict[int, BaseProcess] = {}  # by number, from 1
        self._signals = 0
        self._has_failed = False

    def run(self) -> None:
        before = {kind: signal.signal(kind, self._end) for kind in (signal.SIGTERM, signal.SIGINT)}
        try:
            for number in range(1, self._settings.workers + 1):
                self._start(number)
            while self._processes:
                wait([own.sentinel for own in self._processes.values()], timeout=1)
                self._look()
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)
        if self._has_failed:
            raise DovetailError("a worker could not start; what it said stands above")

    def _start(self, number: int) -> None:
        arguments = (self._settings, self._listening, number, self._say)
        process = self._context.Process(target=_serve, args=arguments, name=f"worker {number}")
        process.start()
        self._processes[number] = process

    def _look(self) -> None:
        """See which processes have ended, and start those again that were killed."""
        for number, process in [*self._processes.items()]:
            if process.exitcode is None:
                continue
            del self._processes[number]
            if process.pid is not None:
                multiprocess.mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
            if self._signals or process.exitcode == 0:
                continue
            if process.exitcode > 0:
                self._has_failed = True
                self._end(signal.SIGTERM, None)
            else:
                self._say(f"{process.name} was killed (signal {-process.exitcode}); starts again")
                self._start(number)

    def _end(self, kind: int, frame: FrameType | None) -> None:
        """Let all processes end; at the second signal at once."""
        self._signals += 1
        for process in self._processes.values():
            if process.is_alive():
                process.terminate()


def _serve(settings: Settings, listening: socket.socket, number: int, say: Say) -> None:
    """One of the processes."""
    prepare_threads()
    try:
        serve_here(settings, listening, lambda: say(f"worker {number} is ready"))
    except DovetailError as error:
        say(f"error: {error}")
        sys.exit(1)
