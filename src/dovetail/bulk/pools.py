"""Who does the units: workers of this machine side by side, each watched by a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dovetail.bulk.messages import Identity, Setting
from dovetail.bulk.shard import Shard
from dovetail.bulk.supervisor import StoppedError, Supervisor
from dovetail.bulk.unit_work import Task


@dataclass(frozen=True, slots=True)
class Outcome:
    """A unit that was done, or the error that it ended with."""

    task: Task
    made: Shard | Exception


class Pool(Protocol):
    """A number of places in which units are done."""

    @property
    def deaths(self) -> int:
        """Workers that ended before they were told to."""

    def identity(self) -> Identity:
        """The model, once a worker has loaded it.

        Raises:
            DovetailError: if it cannot be loaded.
        """

    @property
    def free(self) -> int:
        """How many units can be begun at once."""

    def start(self, task: Task) -> None:
        """Begin a unit; there is a free place."""

    def wait(self, seconds: float) -> Sequence[Outcome]:
        """What has ended since the last call, after at most so many seconds."""

    @property
    def size_done(self) -> int:
        """The bytes that are done of units under way, as far as that is known."""

    def stop(self) -> None:
        """End what is under way."""


class LocalPool:
    """Processes of this machine.

    Args:
        setting: model and options.
        workers: how many processes.
        memory: the most bytes that each may have in memory, or None.

    A unit is given to a worker that has nothing to do, and what it made is taken before it gets the
    next: a slow disk makes workers wait, and fills no memory.
    """

    def __init__(self, setting: Setting, workers: int, memory: int | None) -> None:
        self._supervisors = [Supervisor(setting, memory) for _ in range(workers)]
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._known: queue.SimpleQueue[Identity | Exception] = queue.SimpleQueue()
        self._under_way = 0
        self._threads = [
            threading.Thread(target=self._serve, args=(own,), daemon=True)
            for own in self._supervisors
        ]
        for thread in self._threads:
            thread.start()

    def identity(self) -> Identity:
        known = self._known.get()
        if isinstance(known, Exception):
            raise known
        return known

    @property
    def deaths(self) -> int:
        return sum(own.deaths for own in self._supervisors)

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [own.pid for own in self._supervisors if own.pid is not None]

    @property
    def free(self) -> int:
        return len(self._supervisors) - self._under_way

    @property
    def size_done(self) -> int:
        return sum(own.size_done for own in self._supervisors)

    def start(self, task: Task) -> None:
        self._under_way += 1
        self._tasks.put(task)

    def wait(self, seconds: float) -> list[Outcome]:
        try:
            outcome = self._outcomes.get(timeout=seconds)
        except queue.Empty:
            return []
        self._under_way -= 1
        return [outcome]

    def stop(self) -> None:
        for own in self._supervisors:
            own.stop()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self, supervisor: Supervisor) -> None:
        """Do task after task."""
        try:
            self._known.put(supervisor.identity())
            while (task := self._tasks.get()) is not None:
                self._outcomes.put(Outcome(task, _made(supervisor, task)))
        except Exception as error:  # of the first loading; those of units are outcomes
            self._known.put(error)
        finally:
            supervisor.close()


def _made(supervisor: Supervisor, task: Task) -> Shard | Exception:
    """The shard of a unit, or why there is none."""
    try:
        return supervisor.shard(task)
    except StoppedError:
        raise
    except Exception as error:
        return error
