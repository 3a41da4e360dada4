"""How far the cells are, and the time that is left; from events alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

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
)
from dovetail.training import EpochResult


@dataclass
class UnderWay:
    """A cell that was started: when, what it told last, and its epochs since."""

    cell: LabCell
    started: float
    told: object = None
    seen: int = 0
    epoch: int = 0
    best: float = 0.0
    told_epochs: int = 0

    @property
    def epochs(self) -> int:
        """The most that it trains: those of all phases, as soon as it told of one."""
        return self.told_epochs or self.cell.epochs


class Clock:
    """Counts cells, and says how long the others will take.

    Args:
        places: how many cells are under way at once.
        now: tells the time.
    """

    def __init__(self, places: int, now: Callable[[], float] = time.monotonic) -> None:
        self.places, self.now = places, now
        self.total = self.finished = self.over = 0
        self.under_way: dict[str, UnderWay] = {}
        self._seconds: dict[str, list[float]] = {}
        self._open: dict[str, LabCell] = {}

    @property
    def epochs(self) -> int:
        """Epochs that the cells under way have behind them."""
        return sum(own.epoch for own in self.under_way.values())

    def note(self, event: Event) -> None:
        """Take note of what happened."""
        match event:
            case Begun():
                self.total, self.finished = event.total, event.finished
                self.over = event.finished
                self._open = {cell.key: cell for cell in event.open}
                self._seconds = {group: [*own] for group, own in event.seconds.items()}
            case Started(cell=cell):
                self.under_way[cell.key] = UnderWay(cell, self.now())
            case Progress(cell=cell, told=told):
                self._progress(self.under_way[cell.key], told)
            case Ended(cell=cell):
                self.under_way.pop(cell.key, None)
                if event.ending is not Ending.AGAIN:
                    self._over(event)
            case Stopped():
                self.under_way.clear()

    def _progress(self, own: UnderWay, told: object) -> None:
        own.told = told
        if isinstance(told, Epoch | EpochResult):
            own.seen += 1
            own.epoch, own.told_epochs = told.epoch, told.epochs
            own.best = max(own.best, told.score)

    def _over(self, ended: Ended) -> None:
        self.over += 1
        self.finished += ended.ending in (Ending.FINISHED, Ending.FOUND)
        self._open.pop(ended.cell.key, None)
        if ended.ending in (Ending.FINISHED, Ending.PRUNED) and ended.cell.epochs and ended.seconds:
            self._seconds.setdefault(ended.cell.group, []).append(ended.seconds)

    def left(self) -> tuple[float, bool] | None:
        """The seconds that are left, and whether they are the most that it can take.

        They are told from how long cells took, or else from the epochs of those under way; before
        there is any, nothing is told.
        """
        means = {group: fmean(own) for group, own in self._seconds.items()}
        guess = fmean(means.values()) if means else self._whole_from_epochs()
        number = self.total - self.over
        if guess is None or number <= 0:
            return None
        rest = [
            self._rest(own, means.get(own.cell.group, guess)) for own in self.under_way.values()
        ]
        waiting = [cell for key, cell in self._open.items() if key not in self.under_way]
        rest += [means.get(cell.group, guess) if cell.epochs else 0.0 for cell in waiting]
        rest += [guess] * (number - len(rest))  # not known yet, as the trials of a search
        return max(sum(rest) / self.places, *rest), not means

    def _rest(self, own: UnderWay, whole: float) -> float:
        if not own.cell.epochs:
            return 0.0
        elapsed = self.now() - own.started
        bound = elapsed / own.seen * (own.epochs - own.epoch) if own.seen else whole
        return min(max(0.0, whole - elapsed), bound)

    def _whole_from_epochs(self) -> float | None:
        """How long a cell takes at the most, from the epochs of those under way."""
        found = [
            (self.now() - own.started) / own.seen * own.epochs
            for own in self.under_way.values()
            if own.seen
        ]
        return fmean(found) if found else None
