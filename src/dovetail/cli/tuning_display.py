"""The display of a search: a line for each trial that is over, and how far the search is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from dovetail.cli.lab_display import LabDisplay
from dovetail.config.in_words import inline_toml
from dovetail.lab.cell_events import Begun, Ended, Ending, Event, Note, Stopped, Tick
from dovetail.lab.search import Record, Space, Task
from dovetail.lab.search.records import best_of
from dovetail.lab.search.space import Values
from dovetail.showing.rendering import duration
from dovetail.training import Splits

STYLES = {"complete": "", "pruned": "dim", "refused": "dim", "failed": "red"}


class TuningDisplay(LabDisplay):
    """Prints the events of a search, and keeps the running trials in view in a terminal."""

    unit = "trials"

    def __init__(self, console: Console, task: Task, places: int) -> None:
        super().__init__(console, places)
        self._task = task
        self._best: Record | None = None
        self._elsewhere = 0

    def state(self) -> str:
        """How far the search is, and the best so far."""
        far = f"{self.clock.over} of {self._task.trials} trials"
        if self._best is None:
            return far
        return f"{far}, best {percent(self._best.score)} (trial {self._best.number})"

    def lines(self, event: Event) -> Iterator[str]:
        match event:
            case Begun(finished=finished, best=best):
                self._best = best
                if finished:
                    yield f"going on after {finished} trials"
            case Ended():
                yield from self._ended(event)
            case Note(text=text):
                yield f"[yellow]note:[/yellow] {escape(text)}"
            case Stopped(running=running):
                for cell in running:
                    yield f"{cell.key}  interrupted; it is repeated when the search goes on"
            case Tick(running=running, elsewhere=number):
                changed, self._elsewhere = number != self._elsewhere, number
                if changed and number and not running:
                    yield (
                        f"waiting for {number} trial(s) of other processes; one whose process is "
                        f"dead is repeated after {self._task.grace_seconds} s"
                    )

    def _ended(self, event: Ended) -> Iterator[str]:
        if event.ending is Ending.AGAIN:
            told = f"{event.cell.key} was lost and is repeated: {escape(event.message)}"
            yield f"[yellow]warning:[/yellow] {told}"
            return
        record = event.result
        self._best = best_of([own for own in (self._best, record) if own is not None])
        if event.ending is not Ending.FOUND:  # the process that ran that one tells of it
            yield trial_line(record, self._task.space)
            if not self.is_live:
                yield "  " + ", ".join(filter(None, [self.state(), self.left()]))


def started_lines(splits: Splits, space: Space) -> Iterator[str]:
    """The fields that are tuned, and the data."""
    for warning in splits.warnings:
        yield f"[yellow]warning:[/yellow] {escape(warning)}"
    train, dev = len(splits.train), len(splits.dev)
    yield f"{train:,} training and {dev:,} dev sentences; tuning on dev alone"
    yield f"{len(space.entries)} fields are tuned: {escape(', '.join(space.entries))}"
    if space.outside:
        yield (
            f"[yellow]note:[/yellow] the config itself is no trial, since the search space lacks "
            f"{escape(listed(space.outside))}"
        )


def trial_line(record: Record, space: Space) -> str:
    """One line for a trial: state, score, time, and what is not as in the start."""
    score = percent(record.score) if record.score is not None else "-"
    epochs = f"{record.result.epochs} epochs" if record.result else ""
    time_taken = duration(record.seconds) if record.seconds is not None else ""
    what = listed(space.changes(record.values)) or ("the config as it is" * record.is_start)
    if record.message:
        what = f"{record.message} ({what})"
    style = STYLES.get(record.state, "")
    line = (
        f"trial {record.number:>3}  {record.state:<8}  {score:>5}  {epochs:>10}  {time_taken:>11}  "
        f"{escape(what)}"
    )
    return f"[{style}]{line}[/{style}]" if style else line


def listed(values: Values) -> str:
    """Fields with their values, each by its last name where that says enough.

    >>> listed({"sharing.entity_layers": 2, "entity_head.dropout": 0.1})
    'entity_layers=2 entity_head.dropout=0.1'
    """
    return " ".join(
        f"{field if field.endswith('.dropout') else field.rpartition('.')[2]}={shown(value)}"
        for field, value in values.items()
    )


def shown(value: Any) -> str:
    """A value as TOML has it, words without their quotes."""
    return value if isinstance(value, str) else inline_toml(value)


def percent(score: float | None) -> str:
    """A score in percent."""
    return "-" if score is None else f"{100 * score:.1f}"
