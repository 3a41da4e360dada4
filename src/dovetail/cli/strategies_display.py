"""What `dovetail strategies` shows: a table with a row for each way of sharing."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dovetail.lab.strategies import Strategy

MILLION = 10**6


def show_strategies(found: Sequence[Strategy], console: Console) -> None:
    """Print all strategies; the config's own is marked."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("kind", no_wrap=True)
    table.add_column("what it does", ratio=1)
    for heading in ("stored", "trained", "multiply-adds\nfor a sentence"):
        table.add_column(heading, justify="right", no_wrap=True)
    for strategy in found:
        table.add_row(
            f"[bold]{strategy.kind} *[/bold]" if strategy.is_configured else strategy.kind,
            what_it_does(strategy),
            *figures(strategy),
            end_section=True,
        )
    console.print(table)
    console.print(
        "\n* the config's own way, with its settings; the others with their defaults.\n"
        "stored: numbers that a saved model holds; trained: those of them that training changes.\n"
        "Multiply-adds: of a dev sentence, without frozen encoders and heads.",
        style="dim",
        highlight=False,
    )


def what_it_does(strategy: Strategy) -> str:
    """The summary, and what stands in the way."""
    text = escape(strategy.summary)
    if strategy.problem:
        text += f"\n[yellow]Not with this config: {escape(strategy.problem)}[/yellow]"
    return text


def figures(strategy: Strategy) -> tuple[str, str, str]:
    """Parameters in full, multiply-adds in millions."""
    costs = strategy.costs
    if costs is None:
        return "-", "-", "-"
    return f"{costs.stored:,}", f"{costs.trained:,}", f"{costs.multiply_adds / MILLION:,.1f} M"
