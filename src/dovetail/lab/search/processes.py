"""A search in several processes of one machine, which share the study and nothing else.

Each process has a pipe of its own to the one that shows what happens: it sends events up, and
stops when anything comes down, or when the other end is gone.  A process that is killed can so
never leave a lock behind that the others wait for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from dovetail.errors import DovetailError, TrainingError
from dovetail.lab.search.events import Event, Notify, ProcessEnded, ShouldStop
from dovetail.lab.search.search import Search
from dovetail.lab.search.study import Task
from dovetail.lab.search.training_objective import TrainingObjective
from dovetail.threads import available_cores

LOOK_SECONDS = 0.2
"""How long a wish to stop may go unnoticed."""


class Workers:
    """The processes, by the ends of their pipes that are ours."""

    def __init__(self, task: Task, processes: int) -> None:
        self._task = task
        self._processes = processes
        self._context = multiprocessing.get_context("spawn")  # forked threads of torch would hang
        self._by_pipe: dict[Connection, multiprocessing.process.BaseProcess] = {}
        self._new_ones_left = 2 * processes

    @property
    def pids(self) -> list[int]:
        """The process numbers of those that run."""
        return [process.pid for process in self._by_pipe.values() if process.pid is not None]

    def run(self, *, notify: Notify, should_stop: ShouldStop) -> None:
        """Run until every process is done; one that is killed is replaced.

        Raises:
            TrainingError: if a process gives up, or too many are killed.
        """
        for _ in range(self._processes):
            self._start()
        stopping, failure = False, ""
        while self._by_pipe:
            if not stopping and (failure or should_stop()):
                stopping = True
                for pipe in self._by_pipe:
                    pipe.send("stop")
            readable = wait(list(self._by_pipe), timeout=LOOK_SECONDS)
            for pipe in [pipe for pipe in self._by_pipe if pipe in readable]:
                message = _received(pipe)
                if isinstance(message, str):
                    failure = failure or message
                elif message is not None:
                    notify(message)
                elif (killed := self._end(pipe)) and not stopping:
                    notify(ProcessEnded(killed))
                    failure = failure or self._replace(killed)
        if failure:
            raise TrainingError(failure)

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        threads = max(1, available_cores() // self._processes)
        process = self._context.Process(target=_work, args=(self._task, theirs, threads))
        process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        self._by_pipe[ours] = process

    def _end(self, pipe: Connection) -> str:
        """Let go of a process that is over; says how it was killed, if it was."""
        process = self._by_pipe.pop(pipe)
        process.join()
        pipe.close()
        code = process.exitcode or 0
        if code == 0:
            return ""
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def _replace(self, killed: str) -> str:
        """Start a process in place of a killed one; says why not, if there were too many."""
        if not self._new_ones_left:
            return (
                f"{2 * self._processes + 1} processes of the search ended before their time, the "
                f"last one by {killed}: is there enough memory for {self._processes} at once?"
            )
        self._new_ones_left -= 1
        self._start()
        return ""


def _received(pipe: Connection) -> Event | str | None:
    """What a process sent: an event, or why it gives up; None if it is over."""
    try:
        message: Event | str = pipe.recv()
    except (EOFError, OSError):
        return None
    return message


def _work(task: Task, pipe: Connection, threads: int) -> None:
    """What a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; one of them decides
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))

    def notify(event: Event) -> None:
        with suppress(OSError):  # nobody is there to see it, which `poll` tells as well
            pipe.send(event)

    try:
        Search(task, TrainingObjective(), notify=notify, should_stop=pipe.poll).run()
    except DovetailError as error:
        pipe.send(str(error))
