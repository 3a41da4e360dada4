"""The display of `dovetail strategies`: a row for each way of sharing, one for each coupling."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dovetail.strategies.listing import Counted, Listed

MILLION = 10**6


def show_listed(found: Sequence[Listed], console: Console) -> None:
    """Print what there is to choose from: what each does, its paper, and what it needs."""
    console.print(described(found, "kind"))
    console.print(
        "\nA config chooses one by kind under [sharing]. `dovetail strategies CONFIG` counts what "
        "each costs.",
        style="dim",
        highlight=False,
        markup=False,
    )


def show_couplings(
    found: Sequence[Listed], console: Console, *, configured: Collection[str] | None = None
) -> None:
    """Print the couplings; where a config names some, or none, they are marked, or that is said."""
    console.print("")
    console.print(described(found, "coupling", marked=configured or ()))
    console.print(
        "\nCouplings are losses beside any way of sharing; a config lists them by kind under "
        f"[[couplings]].{'' if configured is None else having(configured)}",
        style="dim",
        highlight=False,
        markup=False,
    )


def having(configured: Collection[str]) -> str:
    """Say which couplings a config has."""
    return "\n* those of the config." if configured else "\nThe config has none."


def described(found: Sequence[Listed], heading: str, *, marked: Collection[str] = ()) -> Table:
    """Return a table of kinds: what each does, its paper, and what it needs."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(heading, no_wrap=True)
    table.add_column("what it does")
    for own in found:
        lines = [escape(own.summary)]
        if own.paper:
            lines.append(f"[dim]{escape(own.paper)}[/dim]")
        if own.needs:
            lines.append(f"[yellow]needs {escape(own.needs)}[/yellow]")
        kind = f"[bold]{own.kind} *[/bold]" if own.kind in marked else own.kind
        table.add_row(kind, "\n".join(lines), end_section=True)
    return table


def show_strategies(found: Sequence[Counted], console: Console) -> None:
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
        "stored: parameters that a saved model holds; trained: those that training changes.\n"
        "Multiply-adds: of a dev sentence, without frozen encoders and heads.",
        style="dim",
        highlight=False,
    )


def what_it_does(strategy: Counted) -> str:
    """The summary, and what stands in the way."""
    text = escape(strategy.listed.summary)
    if strategy.problem:
        text += f"\n[yellow]Not with this config: {escape(strategy.problem)}[/yellow]"
    return text


def figures(strategy: Counted) -> tuple[str, str, str]:
    """Parameters in full, multiply-adds in millions."""
    costs = strategy.costs
    if costs is None:
        return "-", "-", "-"
    return f"{costs.stored:,}", f"{costs.trained:,}", f"{costs.multiply_adds / MILLION:,.1f} M"
