"""The events of the engine, as plain values, so that they pass between processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from dovetail.config import Config


class LabCell:
    """One piece of work, most often one training, that is done once.

    `needs` are the keys of the cells that have to be finished before.
    """

    config: Config
    needs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name of the cell."""
        raise NotImplementedError

    @property
    def group(self) -> str:
        """Cells of a group take about the same time."""
        return ""

    @property
    def epochs(self) -> int:
        """The most that it trains; 0 for what takes next to no time."""
        return self.config.training.epochs


@dataclass(frozen=True)
class Epoch:
    """An epoch of a cell is over; `result` is what the cell would come to if it were the last."""

    epoch: int
    epochs: int
    score: float
    result: Any = None


class Ending(Enum):
    """How an attempt at a cell ended."""

    FINISHED = "finished"
    FAILED = "failed"
    PRUNED = "pruned"
    """The plan wanted no more of it."""
    FOUND = "found"
    """Another process finished it."""
    TAKEN = "taken"
    """Another process is at it; the plan makes it `AGAIN`."""
    DIED = "died"
    """Its process ended before it did; the plan makes it `AGAIN` or `FAILED`."""
    AGAIN = "again"
    """The cell will be done again."""


@dataclass(frozen=True)
class Ended:
    """How an attempt at a cell ended, for a failure why, and what came of it."""

    cell: LabCell
    ending: Ending
    message: str = ""
    result: Any = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Begun:
    """Cells that there are to be, those that were finished before, and those known to be open.

    `seconds` are the times that finished ones of each group took, `best` is the best one where a
    plan knows one.
    """

    total: int
    finished: int
    open: tuple[LabCell, ...]
    seconds: Mapping[str, Sequence[float]]
    best: Any = None


@dataclass(frozen=True)
class Started:
    """A cell is under way."""

    cell: LabCell


@dataclass(frozen=True)
class Progress:
    """Something of a cell under way: an `Epoch`, or what else its work tells."""

    cell: LabCell
    told: Any


@dataclass(frozen=True)
class Tick:
    """Nothing new; the cells under way, and the number of those that others work on."""

    running: tuple[LabCell, ...]
    elsewhere: int


@dataclass(frozen=True)
class Stopped:
    """The wish to stop was followed; the cells that were under way."""

    running: tuple[LabCell, ...]


@dataclass(frozen=True)
class Note:
    """Something that concerns all cells, in a sentence."""

    text: str


Event = Begun | Started | Progress | Ended | Tick | Note | Stopped
