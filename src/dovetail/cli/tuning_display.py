"""What a search shows: a line for each trial that is over, and the running ones live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from dovetail.cli.waiting import Waiting
from dovetail.config.description import inline_toml
from dovetail.lab.search.events import (
    Event,
    ProcessEnded,
    SearchStarted,
    TrialEnded,
    TrialEpoch,
    TrialInterrupted,
    TrialStage,
    TrialStarted,
    WaitingForOthers,
)
from dovetail.lab.search.records import Record
from dovetail.lab.search.space import Space, Values
from dovetail.lab.search.study import Task
from dovetail.rendering import duration
from dovetail.steps import Done

STYLES = {"complete": "", "pruned": "dim", "refused": "dim", "failed": "red"}


class TuningDisplay:
    """Prints the events of a search, and keeps the running trials in view in a terminal."""

    def __init__(self, console: Console, task: Task) -> None:
        self._console = console
        self._task = task
        self._running: dict[int, TrialEpoch | TrialStage | TrialStarted] = {}
        self._started = self._last_end = time.monotonic()
        self._done = 0
        self._done_before = 0
        self._best: Record | None = None
        is_live = console.is_terminal
        self._live = Live(get_renderable=self._view, console=console) if is_live else None
        self._waiting = Waiting(self._print_plain, live=False)
        self._stage = ""

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.transient = True
            self._live.start()
        else:
            self._waiting.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
        else:
            self._waiting.__exit__(kind, error, traceback)

    def notify(self, event: Event) -> None:
        """Show an event."""
        self._follow(event)
        for line in self._lines(event):
            self._console.print(line, highlight=False)
        if self._live is not None:
            self._live.refresh()
        else:
            self._tell(event)

    def _print_plain(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)

    def _tell(self, event: Event) -> None:
        """Say in a log what takes long."""
        match event:
            case TrialStage(number=number, stage=stage):
                what, done = f"trial {number}: {stage}", Done(event.done, event.total)
            case TrialEpoch(number=number):
                what, done = f"trial {number}: training", Done(event.epoch, event.epochs)
            case _:
                self._waiting.rest()
                return
        if what != self._stage:
            self._stage = what
            self._waiting.stage(what)
        self._waiting.progress(done)

    def _follow(self, event: Event) -> None:
        match event:
            case SearchStarted(done=done, best=best):
                self._done = self._done_before = done
                self._best = best
                self._started = time.monotonic()
            case TrialStarted(number=number) | TrialEpoch(number=number):
                self._running[number] = event
            case TrialStage(number=number):
                if not isinstance(self._running.get(number), TrialEpoch):
                    self._running[number] = event
            case TrialInterrupted(number=number):
                self._running.pop(number, None)
            case TrialEnded(record=record):
                self._running.pop(record.number, None)
                self._done += 1
                self._last_end = time.monotonic()
                better = self._best is None or (record.score or 0) > (self._best.score or 0)
                if record.state == "complete" and better:
                    self._best = record

    def _lines(self, event: Event) -> Iterator[str]:
        """What is printed for an event, in a terminal and in a log alike."""
        match event:
            case SearchStarted():
                yield from started_lines(event, self._task)
            case TrialEnded(record=record):
                yield trial_line(record, self._task.space)
                if self._live is None:
                    yield f"  {self._state()}"
            case TrialInterrupted(number=number):
                yield f"trial {number:>3}  interrupted; it is repeated when the search goes on"
            case WaitingForOthers(running=running, at_most_seconds=seconds):
                if running <= len(self._running):
                    return  # they are those of this search, which are in view
                yield (
                    f"waiting for {running} trial(s) of other processes; one whose process is dead "
                    f"is repeated after {seconds} s"
                )
            case ProcessEnded(reason=reason):
                yield (
                    f"[yellow]warning:[/yellow] a process of the search ended ({reason}); another "
                    f"one takes its place, and its trial is repeated"
                )

    def _state(self) -> str:
        """How far the search is, the best so far, and the time to go."""
        parts = [f"{self._done} of {self._task.trials} trials"]
        if self._best is not None:
            parts.append(f"best {percent(self._best.score)} (trial {self._best.number})")
        left = self.seconds_left()
        if left is not None:
            parts.append(f"about {duration(round(left, -1))} left")
        return ", ".join(parts)

    def seconds_left(self) -> float | None:
        """From the mean time of the trials so far; None before there are two."""
        here = self._done - self._done_before
        left = self._task.trials - self._done
        if here < 2 or left <= 0:
            return None
        mean = (self._last_end - self._started) / here
        return max(0.0, mean * left - (time.monotonic() - self._last_end))

    def _view(self) -> RenderableType:
        """The running trials, and how far the search is."""
        lines = [Text(f"{self._state()}; Ctrl-C stops", style="bold")]
        for number, event in sorted(self._running.items()):
            how = "starting"
            if isinstance(event, TrialStage):
                far = f" {100 * event.done // event.total} %" if event.total else ""
                how = f"{event.stage}{far}"
            elif isinstance(event, TrialEpoch):
                how = f"epoch {event.epoch}/{event.epochs}  {percent(event.score)}"
            lines.append(Text(f"  trial {number:>3}  {how}"))
        return Group(*lines)


def started_lines(event: SearchStarted, task: Task) -> Iterator[str]:
    """What is tuned on what."""
    for warning in event.warnings:
        yield f"[yellow]warning:[/yellow] {escape(warning)}"
    yield f"{event.train:,} training and {event.dev:,} dev sentences; tuning on dev alone"
    yield f"{len(task.space.entries)} fields are tuned: {escape(', '.join(task.space.entries))}"
    if event.outside:
        yield (
            f"[yellow]note:[/yellow] the config itself is no trial, since the search space lacks "
            f"{escape(listed(event.outside))}"
        )
    if event.done:
        yield f"going on after {event.done} trials"


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
