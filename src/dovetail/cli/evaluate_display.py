"""How `dovetail evaluate` shows scores in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dovetail.document import ENTITY_TASK, RELATION_TASK

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dovetail.evaluation import Evaluation, MacroScore, Score, ScoreIntervals, SettingScores


@dataclass(frozen=True)
class BesideScores:
    """What has to be known beside scores, by task.

    `not_counted` are annotations that were dropped in reading, `unaligned` those that no tokens
    express, by reason, and `unknown_to_model` the types that the model does not know: both of these
    count as missed.
    """

    not_counted: Mapping[str, int]
    unaligned: Mapping[str, Mapping[str, int]]
    unknown_to_model: Mapping[str, list[str]]
    warnings: Sequence[str] = ()


def show(evaluation: Evaluation, beside: BesideScores) -> None:
    """Print scores as tables, and below them what is beside them."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for title, strict, boundaries, sentences in (
        (
            "Entities",
            evaluation.entity_strict,
            evaluation.entity_boundaries,
            evaluation.entity_sentences,
        ),
        (
            "Relations",
            evaluation.relation_strict,
            evaluation.relation_boundaries,
            evaluation.relation_sentences,
        ),
    ):
        share = f"{sentences} of {evaluation.sentences} sentences annotated"
        console.print(f"{title}: {share}", style="bold")
        if sentences:
            _print_whole(console, _table(strict, boundaries))
    console.print(
        "In percent. Strict: borders and types right, both arguments' included.\n"
        "Boundaries: F1 if the types of entities are left out of account."
    )
    if intervals := evaluation.entity_strict.intervals:
        console.print(f"Intervals: strict F1 in {intervals.samples} draws of the sentences.")
    totals = {
        ENTITY_TASK: evaluation.entity_strict.micro.support,
        RELATION_TASK: evaluation.relation_strict.micro.support,
    }
    _show_unaligned(console, beside, totals)
    _show_left_out(console, beside)


def _show_unaligned(console: Console, beside: BesideScores, totals: Mapping[str, int]) -> None:
    from dovetail.rendering import shown

    for task, reasons in beside.unaligned.items():
        if reasons:
            number = sum(reasons.values())
            nouns = {ENTITY_TASK: "entities", RELATION_TASK: "relations"}
            listed = "; ".join(f"{times:,}: {reason}" for reason, times in reasons.items())
            console.print(
                f"{number:,} of {totals[task]:,} {nouns[task]} cannot be found with the tokens of "
                f"the text, and count as missed ({listed}).",
                style="yellow",
            )
    for warning in beside.warnings:
        console.print(shown(warning), style="yellow")


def _show_left_out(console: Console, beside: BesideScores) -> None:
    from dovetail.rendering import shown

    unread = beside.not_counted
    for task, types in beside.unknown_to_model.items():
        if types:
            console.print(
                f"The model does not know these {task} types, so each of them counts as missed: "
                f"{shown(', '.join(types))}",
                style="yellow",
            )
    if any(unread.values()):
        console.print(
            f"Not counted: {unread[ENTITY_TASK]} entities and {unread[RELATION_TASK]} relations of "
            f"the corpus that no sentence can hold.\ndovetail inspect says which and why."
        )


def _print_whole(console: Console, table: Table) -> None:
    """Print a table with all its numbers: a terminal that is too narrow for it breaks its lines."""
    width = console.width
    unlimited = console.options.update(width=100_000)
    console.width = max(width, console.measure(table, options=unlimited).minimum)
    console.print(table)
    console.width = width


def _table(strict: SettingScores, boundaries: SettingScores) -> Table:
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

    from dovetail.rendering import shown

    return Text(shown(type_))
