"""The table of scores that `dovetail evaluate` prints for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dovetail.evaluation import MacroScore, Score, ScoreIntervals, SettingScores


def print_whole(console: Console, table: Table) -> None:
    """Print a table with all its numbers: a terminal that is too narrow for it breaks its lines."""
    width = console.width
    unlimited = console.options.update(width=100_000)
    console.width = max(width, console.measure(table, options=unlimited).minimum)
    console.print(table)
    console.width = width


def score_table(strict: SettingScores, boundaries: SettingScores) -> Table:
    """Micro and macro scores, then those of each type."""
    from rich import box
    from rich.table import Table

    intervals = strict.intervals
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("strict", overflow="fold", min_width=12)
    for heading in ("P", "R", "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    if intervals:
        widest = len("100.0 to 100.0")  # rich takes the longest word alone for what is needed
        table.add_column("95 % interval", justify="right", no_wrap=True, min_width=widest)
    table.add_column("boundaries", justify="right", style="dim", no_wrap=True)
    table.add_column("support", justify="right", no_wrap=True)
    table.add_row(
        "micro",
        *_ratios(strict.micro, intervals.micro if intervals else None),
        _percent(boundaries.micro.f1),
        str(strict.micro.support),
    )
    table.add_row(
        f"macro of {strict.macro.types}",
        *_ratios(strict.macro, intervals.macro if intervals else None),
        _percent(boundaries.macro.f1),
        end_section=True,
    )
    for type_, score in strict.by_type.items():
        in_boundaries = boundaries.by_type.get(type_)  # bare spans have no types
        table.add_row(
            _plain(type_),
            *_ratios(score, intervals.by_type[type_] if intervals else None),
            "" if in_boundaries is None else _percent(in_boundaries.f1),
            str(score.support),
        )
    return table


def _ratios(score: Score | MacroScore, intervals: ScoreIntervals | None) -> list[str]:
    cells = [_percent(score.precision), _percent(score.recall), _percent(score.f1)]
    if intervals is not None:
        cells.append(f"{_percent(intervals.f1.low)} to {_percent(intervals.f1.high)}")
    return cells


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.1f}"


def _plain(type_: str) -> Text:
    from rich.text import Text

    from dovetail.showing.visible import shown

    return Text(shown(type_))
