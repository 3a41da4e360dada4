"""Objectives whose scores follow from the config alone, and a task to search with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.networks import tiny_config

from dovetail.config import Config
from dovetail.lab.cell_events import Epoch, Event
from dovetail.lab.engine import ShouldStop, run_cells
from dovetail.lab.search import Space, Task, parse_space
from dovetail.lab.search.records import Record, Result, records
from dovetail.lab.search.study import open_study
from dovetail.lab.search.trials import Objective, Search, TrialWork
from dovetail.lab.workers import OwnProcess

EPOCHS = 3

ENTRIES: dict[str, Any] = {
    "sharing.dropout": {"low": 0.0, "high": 0.9},
    "sharing.shared_layers": {"low": 0, "high": 3},
    "entity_head.scheme": ["bio", "bilou"],
    "relation_head.pair_hidden_dim": [0, 8],
    "relation_head.pair_dropout": {
        "low": 0.0,
        "high": 0.5,
        "only_if": "relation_head.pair_hidden_dim",
    },
}


def task_in(folder: Path, *, trials: int, entries: dict[str, Any] | None = None) -> Task:
    space = parse_space(entries or ENTRIES, tiny_config(training={"epochs": EPOCHS}))
    return task_of(space, folder, trials=trials)


def task_of(space: Space, folder: Path, *, trials: int) -> Task:
    return Task(space, "synthetic", f"sqlite:///{folder / 'study.db'}", trials, heartbeat_seconds=1)


def scoring(score: Callable[[Config], float], *, seconds: float = 0.0) -> Objective:
    """An objective that rises to the score over some epochs."""

    def objective(config: Config) -> Iterator[Epoch]:
        for epoch in range(1, EPOCHS + 1):
            time.sleep(seconds / EPOCHS)
            reached = score(config) * epoch / EPOCHS
            yield Epoch(epoch, EPOCHS, reached, Result(reached, reached, epoch, epoch, 1))

    return objective


def dropout(config: Config) -> float:
    """The only thing that matters here."""
    return 1 - config.sharing.dropout


def search(
    task: Task,
    objective: Objective | None = None,
    *,
    should_stop: ShouldStop = lambda: False,
    events: list[Event] | None = None,
) -> list[Record]:
    """Search in this process, and return the trials that count."""
    told: list[Event] = [] if events is None else events
    workers = OwnProcess(TrialWork(objective or scoring(dropout)))
    for event in run_cells(Search(task), workers, should_stop=should_stop):
        told.append(event)
    return found(task)


def found(task: Task) -> list[Record]:
    """The trials that count."""
    return records(open_study(task), task.space)
