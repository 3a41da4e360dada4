"""The display of `dovetail advise`: what is being tried, then what is recommended and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from dovetail.cli.advise_tables import (
    agreement_table,
    facts_lines,
    judged_table,
    points,
    verdict_lines,
)
from dovetail.cli.training_display import stage_of
from dovetail.cli.waiting import Waiting
from dovetail.lab.advice.advice import Advice
from dovetail.lab.advice.events import (
    AdviceEvent,
    Begun,
    PilotEnded,
    PilotStarted,
    Planned,
    Refused,
    ToGo,
)
from dovetail.lab.advice.pilots import WHOLE, PilotEpoch
from dovetail.running.steps import Done
from dovetail.showing.rendering import duration
from dovetail.training import StageProgress, TeachingProgress

FIRST = "timing an epoch"
"""The stage before pilots are planned."""


class AdviceDisplay:
    """Shows events as they come: a line for each pilot, and what is being done meanwhile.

    In a terminal that is a bar of all pilots, anywhere else a line now and then.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._what, self._far = FIRST, ""
        self._to_go: ToGo | None = None
        self._waiting = Waiting(
            lambda line: console.print(line, highlight=False, markup=False), live=False
        )
        columns = [TextColumn(f"{{task.{field}}}") for field in ("description", "fields[left]")]
        self._bar = Progress(
            columns[0], BarColumn(), columns[1], console=console, transient=True, expand=False
        )

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bar.start()
            self._bar.add_task(FIRST, total=None, left="")
        else:
            self._waiting.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._bar.stop()
        else:
            self._waiting.__exit__(kind, error, traceback)

    def notify(self, event: AdviceEvent) -> None:
        """Show an event."""
        for line in lines_of(event):
            self.console.print(line, highlight=False)
        match event:
            case PilotStarted():
                self._what = pilot_name(event.candidate, event.seed, event.share)
                self._far = ""
            case ToGo():
                self._to_go = event
                self._waiting.stage(f"{self._what} ({left_in_all(event)})")
                self._show()
            case PilotEpoch():
                self._far = f", epoch {event.epoch}/{event.epochs}"
                self._waiting.progress(Done(event.epoch, event.epochs))
                self._show()
            case StageProgress() | TeachingProgress() if self._to_go is None:
                self._what = stage_of(event)[0]
                self._show()

    def _show(self) -> None:
        """Bring the bar up to date."""
        if not self.console.is_terminal:
            return
        done, total = (self._to_go.done, self._to_go.total) if self._to_go else (0, None)
        self._bar.update(
            self._bar.task_ids[0],
            description=f"{self._what}{self._far}",
            completed=done,
            total=total,
            left=f"{left_in_all(self._to_go)}; Ctrl-C ends it" if self._to_go else "",
        )


def left_in_all(to_go: ToGo) -> str:
    """How far all pilots are, and how long they will take."""
    return f"{to_go.done} of {to_go.total} pilots done, about {duration(to_go.seconds)} left"


def lines_of(event: AdviceEvent) -> Iterator[str]:
    """The lines of an event, in a terminal and in a log alike."""
    match event:
        case Begun():
            yield from facts_lines(event.facts)
            if event.candidates:
                yield (
                    f"{len(event.candidates)} ways of sharing are compared with "
                    f"[bold]{escape(event.default.name)}[/bold], {event.default.reason}"
                )
        case Planned():
            length = (
                "whole trainings"
                if event.epochs == event.full_epochs
                else f"{event.epochs} epochs each, of {event.full_epochs}"
            )
            going_on = ", as those before" if event.is_continued else ""
            yield (
                f"pilots of {length}{going_on}; {event.rounds} round(s), a seed each, of "
                f"{event.candidates} pilots on all sentences"
            )
        case PilotEnded():
            yield pilot_line(event)
        case Refused():
            yield f"[yellow]not tried:[/yellow] {escape(event.name)}: {escape(event.reason)}"


def pilot_name(candidate: str, seed: int, share: float) -> str:
    """The name of a pilot in words."""
    part = "" if share == WHOLE else f", {share:.0%} of the sentences"
    return f"{candidate}, seed {seed}{part}"


def pilot_line(event: PilotEnded) -> str:
    """One line for a pilot: its dev scores, and the difference from the default."""
    pilot = event.pilot
    difference = "" if event.difference is None else points(event.difference)
    how = "before" if event.was_known else duration(pilot.seconds)
    name = escape(pilot_name(pilot.candidate, pilot.seed, pilot.share))
    return (
        f"{name:<40}  dev {100 * pilot.score:5.1f}  entities {100 * pilot.entity_f1:5.1f}  "
        f"relations {100 * pilot.relation_f1:5.1f}  {difference:>5}  {how}"
    )


def show_advice(advice: Advice, console: Console, *, recipe: Path) -> None:
    """Print the advice: what is expected of each candidate, what to take, and how to try it."""
    console.print()
    if advice.judged:
        console.print(judged_table(advice))
    if advice.agreement:
        console.print()
        console.print(agreement_table(advice.agreement))
    for own in advice.unfit:
        console.print(f"  [dim]not tried: {escape(own.name)}: {escape(own.reason)}[/dim]")
    console.print()
    for line in verdict_lines(advice):
        console.print(line, highlight=False)
    console.print(f"\n  dovetail train {escape(str(recipe))}", style="bold", highlight=False)
