"""Units on a Ray cluster: an actor for each core, which watches a worker as this machine's do.

What an actor makes comes back whole and is written here, so machines share the inputs and the
model, by their addresses, and no folder.  An actor that is lost with its machine gives its unit
back; there are as many actors as the cluster has cores, also when machines come and go.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Any

from dovetail.bulk.messages import Identity, Setting
from dovetail.bulk.pools import Outcome
from dovetail.bulk.shard import Shard
from dovetail.bulk.supervisor import Supervisor, UnitError
from dovetail.bulk.unit_work import Task
from dovetail.errors import DovetailError, first_line
from dovetail.running.ray_cluster import connected

MOST_LOSSES = 20
"""Of actors that were at a unit, before it is given up."""


class Seat:
    """What an actor does."""

    def __init__(self, setting: Setting, memory: int | None, folder: str) -> None:
        if os.path.isdir(folder):
            os.chdir(folder)  # addresses are relative to where the run was started
        self._supervisor = Supervisor(setting, memory)

    def identity(self) -> Identity | DovetailError:
        """The model that the worker has loaded; an error comes as a value, to keep its type."""
        try:
            return self._supervisor.identity()
        except DovetailError as error:
            return error

    def shard(self, task: Task) -> Shard | DovetailError:
        """A unit done."""
        try:
            return self._supervisor.shard(task)
        except DovetailError as error:
            return error


class RayPool:
    """One actor for each core of a cluster.

    Args:
        setting: model and options.
        address: "local" for a cluster of this machine alone, "auto" for the one that runs here, or
            host:port.
        memory: the most bytes that each worker may have in memory, or None.

    Raises:
        MissingExtraError: without ray.
        DovetailError: if there is no cluster at the address.
    """

    def __init__(self, setting: Setting, address: str, memory: int | None) -> None:
        self._ray, self._is_own = connected(address)
        # An actor that is lost is not started again by Ray, which would let its unit wait for it.
        self._actor: Any = self._ray.remote(num_cpus=1, max_restarts=0)(Seat)
        self._arguments = (setting, memory, os.getcwd())
        self._loading: dict[Any, Any] = {}  # actors by what they will answer
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._again: list[Task] = []
        self._losses: Counter[int] = Counter()
        self._identity: Identity | None = None
        self.deaths = 0

    def identity(self) -> Identity:
        while self._identity is None:
            self._look(1.0)
        return self._identity

    @property
    def free(self) -> int:
        return len(self._idle)

    @property
    def size_done(self) -> int:
        return 0

    def start(self, task: Task) -> None:
        actor = self._idle.pop()
        self._busy[actor.shard.remote(task)] = actor, task

    def wait(self, seconds: float) -> list[Outcome]:
        while self._again and self._idle:
            self.start(self._again.pop())
        return self._look(seconds)

    def stop(self) -> None:
        for actor in [
            *self._loading.values(),
            *self._idle,
            *(own for own, _ in self._busy.values()),
        ]:
            self._ray.kill(actor)
        if self._is_own:
            self._ray.shutdown()

    def _look(self, seconds: float) -> list[Outcome]:
        """Start the actors that there is room for, and take what is ready."""
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        for _ in range(cores - len(self._loading) - len(self._idle) - len(self._busy)):
            actor: Any = self._actor.remote(*self._arguments)
            self._loading[actor.identity.remote()] = actor
        awaited = [*self._loading, *self._busy]
        if not awaited:
            time.sleep(seconds)
            return []
        ready, _ = self._ray.wait(awaited, num_returns=1, timeout=seconds)
        return [outcome for reference in ready for outcome in self._taken(reference)]

    def _taken(self, reference: Any) -> list[Outcome]:
        actor, task = self._busy.pop(reference, (None, None))
        actor = actor or self._loading.pop(reference)
        try:
            made = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            self.deaths += 1
            return [] if task is None else self._lost(task, error)
        except self._ray.exceptions.RayError as error:
            made = DovetailError(f"Ray gave it up: {first_line(error)}")
        if task is not None:
            self._idle.append(actor)
            return [Outcome(task, made)]
        if isinstance(made, DovetailError):
            raise made
        if self._identity not in (None, made):
            raise DovetailError("the model is not the same on all machines")
        self._identity = made
        self._idle.append(actor)
        return []

    def _lost(self, task: Task, error: Exception) -> list[Outcome]:
        """A machine is gone, or the process on it: its unit is done elsewhere."""
        self._losses[task.unit.number] += 1
        if self._losses[task.unit.number] < MOST_LOSSES:
            self._again.append(task)
            return []
        return [Outcome(task, UnitError(f"{MOST_LOSSES} actors were lost: {error}"))]
