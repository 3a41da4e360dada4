"""A calibration in a terminal: a table of the types, and one of a test corpus."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dovetail.calibration.on_test import OnTest, Row
from dovetail.calibration.outcome import Calibrated, TypeCalibration
from dovetail.calibration.told import reached
from dovetail.showing.visible import shown


def show_calibrated(result: Calibrated, console: Console) -> None:
    """Print the scale and the threshold of each type, and what is reached with it."""
    of = f" of {result.schema}" if result.schema else ""
    for task, (before, after) in result.errors.items():
        line = f"{task} confidences{of}: expected calibration error on these {result.sentences:,} "
        line += f"sentences {100 * before:.1f} points before, {100 * after:.1f} after"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    wanted = result.wanted
    for task in result.errors:
        own = [type_ for type_ in result.types if type_.task == task]
        console.print(_table(task, own))
        for type_ in own if wanted is not None else ():
            if told := reached(type_):
                line = f"  {type_.type}: {wanted}: {told}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    if wanted is None:
        say = "Thresholds let the same relations through as before: F1 stays, confidences change."
        console.print(say, highlight=False, soft_wrap=True)


def _table(task: str, types: Sequence[TypeCalibration]) -> Table:
    table = Table()
    table.add_column(f"{task} type", overflow="fold")
    for name in ("examples", "temper-\nature", "offset", "error\nbefore", "after", "thresh-\nold"):
        table.add_column(name, justify="right", no_wrap=True)
    for own in types:
        table.add_row(
            Text(shown(own.type)),
            *(f"{own.examples:,}", f"{own.scale.temperature:.2f}", f"{own.scale.offset:+.2f}"),
            *(f"{100 * error.expected_error:.1f}" for error in (own.before, own.after)),
            f"{own.threshold:.2f}" if own.threshold else "",
        )
    return table


def show_on_test(result: OnTest, console: Console) -> None:
    """Print what a test corpus says, before and after."""
    table = Table(title=f"{shown(result.source)}, {result.sentences:,} sentences (%)")
    table.add_column("type", overflow="fold")
    for name in ("precision", "recall", "F1", "calibration\nerror"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in result.rows:
        name = shown(row.type) if row.type else f"all {row.task} types"
        table.add_row(Text(name), *_cells(row))
    console.print(table)


def _cells(row: Row) -> list[str]:
    pairs = [
        (row.before.precision, row.after.precision),
        (row.before.recall, row.after.recall),
        (row.before.f1, row.after.f1),
        (row.error_before, row.error_after),
    ]
    return [f"{100 * one:.1f} → {100 * other:.1f}" for one, other in pairs]
