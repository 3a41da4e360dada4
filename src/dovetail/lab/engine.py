"""The engine: cells of a plan, done by workers, until the plan is over or somebody wants to stop.

A plan knows which cell is next and what becomes of one that ended: cells in folders
(`folder_cells`), or trials that a sampler proposes (`search.trials`).  Workers know where a cell is
done: in this process, in others, on a cluster.  The engine knows nothing of either, and of
terminals as little: it yields what happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from dovetail.lab.cell_events import (
    Begun,
    Ended,
    Ending,
    Epoch,
    Event,
    LabCell,
    Progress,
    Started,
    Stopped,
    Tick,
)
from dovetail.lab.workers import Workers

WAIT_SECONDS = 1.0

ShouldStop = Callable[[], bool]
"""Asked between events: whether to stop now."""


class Plan(Protocol):
    """Where cells come from, and what becomes of them."""

    @property
    def elsewhere(self) -> int:
        """How many cells other processes are at."""

    def begun(self) -> Begun:
        """Return the event that lists the work to do."""

    def next(self) -> LabCell | Ended | None:
        """A cell to be started now, or one that is over without that; None for the time being."""

    def is_over(self) -> bool:
        """With no cell under way here: whether nothing is left, not even to wait for."""

    def goes_on(self, cell: LabCell, epoch: Epoch) -> bool:
        """Take note of an epoch; whether the cell is worth another one."""

    def ended(self, ended: Ended) -> Ended:
        """Take note of how an attempt ended; what that means for the cell."""

    def leave(self, cells: Sequence[LabCell]) -> None:
        """These were under way when all was stopped; the workers have let them go."""


def run_cells(
    plan: Plan, workers: Workers, *, should_stop: ShouldStop = lambda: False
) -> Generator[Event, None, None]:
    """Do the cells of a plan, each once; what fails leaves the others alone."""
    run = _Run(plan, workers)
    yield plan.begun()
    try:
        while not should_stop():
            yield from run.start(should_stop)
            if not run.under_way and plan.is_over():
                return
            told = workers.wait(WAIT_SECONDS)
            for own in told:
                yield from run.follow(own)
            if not told:
                yield Tick(run.cells, plan.elsewhere)
    finally:
        workers.stop()
        plan.leave(run.cells)
    yield Stopped(run.cells)


class _Run:
    """The cells under way, and when they began."""

    def __init__(self, plan: Plan, workers: Workers) -> None:
        self.plan, self.workers = plan, workers
        self.under_way: dict[str, tuple[LabCell, float]] = {}

    @property
    def cells(self) -> tuple[LabCell, ...]:
        return tuple(cell for cell, _ in self.under_way.values())

    def start(self, should_stop: ShouldStop) -> Iterator[Event]:
        """Begin a cell at each free place."""
        while len(self.under_way) < self.workers.places:
            cell = self.plan.next()
            if cell is None:
                return
            if isinstance(cell, Ended):
                yield cell
            else:
                self.under_way[cell.key] = cell, time.monotonic()
                yield Started(cell)
                self.workers.start(cell)
            if should_stop():
                return

    def follow(self, told: Progress | Ended) -> Iterator[Event]:
        """Tell what a worker told, and what follows from it."""
        if isinstance(told, Progress):
            yield told
            if not isinstance(told.told, Epoch):
                return
            goes_on = self.plan.goes_on(told.cell, told.told)
            self.workers.answer(told.cell, goes_on=goes_on)
            if goes_on:
                return
            told = Ended(told.cell, Ending.PRUNED)
        seconds = time.monotonic() - self.under_way[told.cell.key][1]
        yield self.plan.ended(replace(told, seconds=seconds))
        del self.under_way[told.cell.key]
