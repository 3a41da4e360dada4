"""The display of many trainings: a line for each that is over, in a terminal bars for the others.

Anywhere else there is a line now and then, so that a log does not fall silent.  All is told from
the events of the engine alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dovetail.cli.training_display import stage_of
from dovetail.cli.waiting import PLAIN_AFTER, PLAIN_EVERY
from dovetail.lab.cell_events import Event, Progress, Stopped
from dovetail.lab.progress import Clock, UnderWay
from dovetail.showing.rendering import duration
from dovetail.training import StageProgress, TeachingProgress


class LabDisplay:
    """Shows events as they come; `stopped` says whether they ended before the work did."""

    unit = "cells"
    tells_plainly = True

    def __init__(self, console: Console, places: int) -> None:
        self.console = console
        self.clock = Clock(places)
        self.stopped = False
        self._plain_at = time.monotonic() + PLAIN_AFTER
        self.is_live = console.is_terminal
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self.is_live:
            self._live = Live(get_renderable=self._view, console=self.console, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, events: Iterable[Event]) -> None:
        """Show all events."""
        with self:
            for event in events:
                self.notify(event)

    def notify(self, event: Event) -> None:
        """Show an event."""
        self.clock.note(event)
        self.stopped = isinstance(event, Stopped)
        self.print(self.lines(event))
        if self._live is not None and not isinstance(event, Progress):
            self._live.refresh()
        is_due = self.tells_plainly and not self.is_live and time.monotonic() >= self._plain_at
        if is_due and self.clock.under_way:
            self.print([self._still_at_it()])

    def print(self, lines: Iterable[str]) -> None:
        """Print lines, which may have rich's markup."""
        for line in lines:
            self.console.print(line, highlight=False)
            self._plain_at = time.monotonic() + PLAIN_EVERY

    def lines(self, event: Event) -> Iterator[str]:
        """The lines of an event, in a terminal and in a log alike."""
        raise NotImplementedError

    def state(self) -> str:
        """How far all is, with rich's markup."""
        raise NotImplementedError

    def left(self) -> str:
        """How long it will take, in words; nothing as long as there is nothing to tell it from."""
        left = self.clock.left()
        if left is None or not left[0]:  # what comes after the last epoch is not known
            return ""
        seconds, is_bound = left
        return f"{'at most' if is_bound else 'about'} {duration(seconds)} left"

    def _still_at_it(self) -> str:
        own = list(self.clock.under_way.values())
        what = f"at {own[0].cell.key}: {how(own[0])}"
        if len(own) > 1:
            what = f"{len(own)} {self.unit} under way, {self.clock.epochs} epochs done"
        return "; ".join(filter(None, [f"{self.state()}, {what}", self.left()]))

    def _view(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for own in list(self.clock.under_way.values()):
            bar = ProgressBar(total=own.epochs or None, completed=own.epoch, width=20)
            table.add_row(Text(f"  {own.cell.key}"), bar, how(own))
        whole = ProgressBar(total=self.clock.total, completed=self.clock.over, width=40)
        parts = [self.state(), self.left(), "Ctrl-C stops"]
        return Group(Text.from_markup("; ".join(filter(None, parts)), style="bold"), whole, table)


def how(own: UnderWay) -> str:
    """How far a cell is, in words."""
    told = own.told
    if isinstance(told, StageProgress | TeachingProgress) and not own.seen:
        stage, done = stage_of(told)
        return f"{stage} {100 * done.done // done.total} %" if done else stage
    score = f"  {100 * own.best:.1f}" if own.seen else ""
    return f"epoch {own.epoch}/{own.epochs}{score}" if own.epochs else ""
