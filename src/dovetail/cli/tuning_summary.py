"""The summary of a search: the best trials, what set them apart, and how to go on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dovetail.cli.tuning_display import percent, shown
from dovetail.lab.search.outcome import OPTIMISTIC, RECIPE, TRIALS, Outcome
from dovetail.lab.search.records import Record
from dovetail.lab.search.space import Space
from dovetail.lab.search.study import Task

TOP = 5
"""Trials and fields that are shown."""


def show_outcome(console: Console, outcome: Outcome, task: Task, folder: Path) -> None:
    """Print the summary."""
    console.print()
    best = outcome.best
    if best is not None:
        console.print(best_table(outcome, console))
        console.print()
    for line in _lines(outcome, task, folder):
        console.print(line, highlight=False)


def best_table(outcome: Outcome, console: Console) -> Table:
    """The start and the best trials side by side, with every field in which they differ.

    As many trials as the console has room for beside the names of the fields, at least one.
    """
    complete = [trial for trial in outcome.trials if trial.state == "complete"]
    start = outcome.start
    best = sorted(complete, key=lambda trial: -(trial.score or 0))[:TOP]
    others = [trial for trial in best if trial is not start]
    columns = others if start is None else [start, *others]
    unlimited = console.options.update(width=sys.maxsize)
    while True:
        table = _table(outcome, columns)
        wanted = console.measure(table, options=unlimited).maximum
        if len(columns) == 1 or wanted <= console.width:
            return table
        columns.pop()


def _table(outcome: Outcome, columns: list[Record]) -> Table:
    start = outcome.start
    table = Table(title=f"The best of {outcome.num_done} trials", title_justify="left")
    table.add_column("trial", no_wrap=True)
    for trial in columns:
        heading = f"{trial.number} (start)" if trial is start else str(trial.number)
        table.add_column(heading, justify="right")
    for name, cells in _score_rows(columns):
        table.add_row(name, *cells, style="bold" if name == "dev F1" else "")
    table.add_section()
    space = outcome.space
    changed = [
        field
        for field in space.entries
        if any(field in space.changes(trial.values) for trial in columns)
    ]
    for field in changed:
        table.add_row(field, *(_cell(field, trial, space) for trial in columns))
    return table


def _score_rows(trials: list[Record]) -> Iterator[tuple[str, list[str]]]:
    results = [trial.result for trial in trials]
    yield "dev F1", [percent(trial.score) for trial in trials]
    yield "  entities", [percent(result.entity_f1 if result else None) for result in results]
    yield "  relations", [percent(result.relation_f1 if result else None) for result in results]
    yield "parameters", [f"{r.trained_parameters:,}" if r else "-" for r in results]


def _cell(field: str, trial: Record, space: Space) -> str:
    """A value; nothing where it is that of the start, or is not tuned in this trial."""
    if field not in trial.values:
        return ""
    if field in space.changes(trial.values) or trial.is_start:
        return escape(shown(trial.values[field]))
    return "·"


def _lines(outcome: Outcome, task: Task, folder: Path) -> Iterator[str]:
    best, start = outcome.best, outcome.start
    if best is None:
        yield "no trial is complete yet"
    elif best is start:
        yield f"no trial was better than the config as it is ({percent(best.score)})"
    elif start is not None and start.score is not None:
        gain = 100 * ((best.score or 0) - start.score)
        yield f"best {percent(best.score)}, {gain:.1f} more than the config as it is"
    if outcome.importance:
        mattered = list(outcome.importance.items())[:TOP]
        named = ", ".join(f"{field} {100 * share:.0f} %" for field, share in mattered)
        yield f"what set the best trials apart: {escape(named)}"
    yield f"trials and plots: {escape(str(folder / TRIALS))}, {escape(str(folder))}/*.png"
    if best is not None:
        yield OPTIMISTIC
        yield f"train the best: dovetail train {escape(str(folder / RECIPE))}"
    if outcome.num_done < task.trials:
        yield (
            f"stopped after {outcome.num_done} of {task.trials} trials: the same command goes on"
        )
