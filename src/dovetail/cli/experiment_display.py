"""The display of an experiment: a line for each cell that is over, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dovetail.cli.lab_display import LabDisplay
from dovetail.cli.terminal import Terminal
from dovetail.lab.cell_events import Begun, Ended, Ending, Event, Started, Tick
from dovetail.lab.cell_folder import SCORES, SCORES_BY_CORPUS
from dovetail.lab.statistics.text_table import TextTable
from dovetail.showing.rendering import duration


class ExperimentDisplay(LabDisplay):
    """Shows events as they come, and keeps what there is to say in the end."""

    def __init__(self, console: Console, places: int) -> None:
        super().__init__(console, places)
        self.failures: list[str] = []
        self._elsewhere = 0

    def state(self) -> str:
        return f"\\[{self.clock.finished}/{self.clock.total}]"  # a bracket that rich leaves alone

    def lines(self, event: Event) -> Iterator[str]:
        match event:
            case Begun(total=total, finished=finished):
                before = f", {finished} of them finished before" if finished else ""
                yield f"{total} cells{before}"
            case Started():
                if not self.is_live:
                    yield f"{escape(event.cell.key)} started"
            case Ended():
                yield from self._ended(event)
            case Tick(elsewhere=number):
                changed, self._elsewhere = number != self._elsewhere, number
                if number and changed:
                    yield f"cells that other processes are at: {number}"

    def _ended(self, event: Ended) -> Iterator[str]:
        key = escape(event.cell.key)
        match event.ending:
            case Ending.FINISHED:
                left = "" if self.is_live else self.left()
                told = f"{_scores(event.result)}{duration(event.seconds)}"
                yield f"{self.state()} {key}: {told}{f'; {left}' if left else ''}"
            case Ending.FOUND:
                yield f"{self.state()} {key}: done by another process"
            case Ending.FAILED:
                self.failures.append(f"{event.cell.key}: {event.message}")
                yield f"[red]{key} failed:[/red] {escape(event.message)}"


def _scores(result: Mapping[str, Any]) -> str:
    """Dev F1 of a finished cell, for the eye."""
    corpora: Mapping[str, Any] = result.get(SCORES_BY_CORPUS) or {"dev": result[SCORES]}
    told = ""
    for name, scores in corpora.items():
        if "dev" in scores:
            entities, relations = (
                100 * scores["dev"][task]["strict"]["micro"]["f1"]
                for task in ("entity", "relation")
            )
            told += f"{escape(name)} F1 entities {entities:.1f}  relations {relations:.1f}  "
    return told


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
