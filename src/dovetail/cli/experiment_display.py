"""What an experiment shows: a bar for all cells and one for each under way, or plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import fmean

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from dovetail.cli.terminal import Terminal
from dovetail.cli.waiting import PLAIN_EVERY
from dovetail.lab.cell_folder import CellFolder
from dovetail.lab.experiment_cells import Cell
from dovetail.lab.folder_cells import (
    Begun,
    Blocked,
    Ended,
    Event,
    Found,
    Started,
    Stopped,
    Tick,
)
from dovetail.lab.statistics.experiment_tables import TextTable
from dovetail.lab.workers import FINISHED
from dovetail.rendering import duration


class ExperimentDisplay:
    """Shows events as they come, and keeps what there is to say in the end."""

    def __init__(self, console: Console, root: Path, places: int) -> None:
        self.console = console
        self.root = root
        self.failures: list[str] = []
        self.stopped = False
        self._clock = Clock(root, places)
        self._finished = 0
        self._total = 0
        self._elsewhere = 0
        self._told = time.monotonic()
        self._bars = _Bars(console, root) if console.is_terminal else None

    def show(self, events: Iterable[Event]) -> None:
        """Show all events."""
        context: AbstractContextManager[object] = (
            self._bars.progress if self._bars else nullcontext()
        )
        with context:
            for event in events:
                self._clock.note(event)
                for line in self._lines(event):
                    self.console.print(line, highlight=False)
                if self._bars is not None:
                    self._bars.show(event, self._finished, self._total, self._clock.left())

    def _lines(self, event: Event) -> Iterable[str]:
        match event:
            case Begun():
                self._total, self._finished = len(event.cells), len(event.finished)
                before = f", {self._finished} of them finished before" if self._finished else ""
                yield f"{self._total} cells{before}"
            case Started():
                if self._bars is None:
                    yield f"{escape(event.cell.key)} started"
            case Ended():
                yield from self._ended(event)
            case Found():
                self._finished += 1
                yield f"{self._count()} {escape(event.cell.key)}: done by another process"
            case Blocked():
                self.failures.append(f"{event.cell.key}: it needs {event.needed}, which failed")
            case Tick():
                yield from self._elsewhere_lines(event.elsewhere)
                yield from self._still_at_it()
            case Stopped():
                self.stopped = True

    def _elsewhere_lines(self, number: int) -> Iterable[str]:
        changed, self._elsewhere = number != self._elsewhere, number
        if number and changed:
            yield f"cells that other processes are at: {number}"

    def _still_at_it(self) -> Iterable[str]:
        """A line now and then where there are no bars, so that a log does not fall silent."""
        now = time.monotonic()
        if self._bars is not None or now - self._told < PLAIN_EVERY:
            return
        self._told = now
        epochs = sum(CellFolder(self.root, key).epochs_done() for key in self._clock.started)
        left = self._clock.left()
        yield (
            f"{self._count()} {len(self._clock.started)} cells under way, {epochs} epochs done"
            f"{f'; {left}' if left else ''}"
        )

    def _count(self) -> str:
        return f"\\[{self._finished}/{self._total}]"  # a bracket that rich leaves alone

    def _ended(self, event: Ended) -> Iterable[str]:
        cell, outcome = event.outcome.cell, event.outcome
        if outcome.ending == FINISHED:
            self._finished += 1
            left = self._clock.left()
            told = f"; {left}" if left and self._bars is None else ""
            yield (
                f"{self._count()} {escape(cell.key)}: {_scores(self.root, cell)}"
                f"{duration(event.seconds)}{told}"
            )
        else:
            log = CellFolder(self.root, cell.key).log
            self.failures.append(f"{cell.key}: {outcome.message} (log: {log})")
            yield f"[red]{escape(cell.key)} failed:[/red] {escape(outcome.message)}"


def _scores(root: Path, cell: Cell) -> str:
    """Dev F1 of a finished cell, for the eye."""
    scores: Mapping[str, dict[str, dict[str, dict[str, dict[str, float]]]]]
    scores = CellFolder(root, cell.key).read_result()["scores"]
    if "dev" not in scores:
        return ""
    entities, relations = (
        100 * scores["dev"][task]["strict"]["micro"]["f1"] for task in ("entity", "relation")
    )
    return f"dev F1 entities {entities:.1f}  relations {relations:.1f}  "


class Clock:
    """The time that is left, from how long cells took, or how far the first ones are."""

    def __init__(self, root: Path, places: int) -> None:
        self.root, self.places = root, places
        self.seconds: dict[str, list[float]] = {}
        self.open: dict[str, Cell] = {}
        self.started: dict[str, float] = {}

    def note(self, event: Event) -> None:
        """Take note of what started and ended."""
        match event:
            case Begun():
                done = {cell.key for cell in event.finished}
                self.open = {cell.key: cell for cell in event.cells if cell.key not in done}
                for cell in event.finished:
                    result = CellFolder(self.root, cell.key).read_result()
                    self._took(cell, result["training"]["training_seconds"])
            case Started():
                self.started[event.cell.key] = time.monotonic()
            case Ended():
                self.started.pop(event.outcome.cell.key, None)
                self.open.pop(event.outcome.cell.key, None)
                if event.outcome.ending == FINISHED:
                    self._took(event.outcome.cell, event.seconds)
            case Blocked() | Found():
                self.open.pop(event.cell.key, None)

    def _took(self, cell: Cell, seconds: float) -> None:
        if not cell.is_ensemble:
            self.seconds.setdefault(cell.row, []).append(seconds)

    def left(self) -> str:
        """How long it will take, in words; nothing as long as there is nothing to tell it from."""
        means = {row: fmean(own) for row, own in self.seconds.items()}
        guess = fmean(means.values()) if means else self._from_epochs()
        if guess is None or not self.open:
            return ""
        now, rest = time.monotonic(), []
        for key, cell in self.open.items():
            whole = 0.0 if cell.is_ensemble else means.get(cell.row, guess)
            rest.append(max(0.0, whole - (now - self.started.get(key, now))))
        seconds = max(sum(rest) / self.places, max(rest))
        return f"{'about' if means else 'at most'} {duration(seconds)} left"

    def _from_epochs(self) -> float | None:
        """How long a cell takes at the most, from the epochs of those under way."""
        found = []
        for key, started in self.started.items():
            if epochs := CellFolder(self.root, key).epochs_done():
                per_epoch = (time.monotonic() - started) / epochs
                found.append(per_epoch * self.open[key].config.training.epochs)
        return fmean(found) if found else None


class _Bars:
    """A bar for the whole, and one for each cell under way."""

    def __init__(self, console: Console, root: Path) -> None:
        self.root = root
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} {task.fields[unit]}"),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
        )
        self.whole = self.progress.add_task("all", total=0, unit="cells", left="")
        self.tasks: dict[str, TaskID] = {}

    def show(self, event: Event, finished: int, total: int, left: str) -> None:
        self.progress.update(self.whole, completed=finished, total=total, left=left)
        match event:
            case Started():
                self.tasks[event.cell.key] = self.progress.add_task(
                    escape(event.cell.key),
                    total=event.cell.config.training.epochs,
                    unit="epochs",
                    left="",
                )
            case Ended():
                self.progress.remove_task(self.tasks.pop(event.outcome.cell.key))
            case Tick():
                for key, task in self.tasks.items():
                    done = CellFolder(self.root, key).epochs_done()
                    self.progress.update(task, completed=done)


def print_table(console: Console, table: TextTable) -> None:
    """Print a table with all its numbers, however narrow the terminal is."""
    shown = Table(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for position, heading in enumerate(table.headings):
        shown.add_column(heading, justify="right" if position else "left", no_wrap=True)
    for row in table.rows:
        shown.add_row(*map(escape, row))
    unlimited = console.options.update(width=100_000)
    wide = Terminal(
        file=console.file,
        width=max(console.width, console.measure(shown, options=unlimited).maximum),
        highlight=False,
    )
    wide.print(shown)
