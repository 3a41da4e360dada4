"""What `dovetail probe` shows: the trainings, and which layers of each task are alive."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from rich import box
from rich.console import Console
from rich.table import Table

from dovetail.cli.training_display import show_training
from dovetail.config import Config
from dovetail.document import TASKS
from dovetail.lab.exits import ALIVE, alive_layers
from dovetail.lab.probes import (
    Found,
    Probe,
    chosen_penalty,
    is_found,
    probe_config,
    read_found,
    run_probe,
)
from dovetail.rendering import duration


def show_probes(
    probes: Sequence[Probe],
    config: Config,
    layers: int,
    folder: Path,
    console: Console,
    should_stop: Callable[[], bool],
) -> list[Found]:
    """Train what is not yet trained, and return what was found until it was stopped."""
    found: list[Found] = []
    spent: list[float] = []
    for number, probe in enumerate(probes, start=1):
        if should_stop():
            break
        own = folder / probe.name
        open_ = [other for other in probes if not is_found(folder / other.name)]
        left = f"; about {duration(fmean(spent) * len(open_))} left" if spent and open_ else ""
        console.print(
            f"[bold]probe {number} of {len(probes)}:[/bold] {probe.task}, penalty "
            f"{probe.penalty:g}, seed {probe.seed}{left}",
            highlight=False,
        )
        started = time.monotonic()
        events = run_probe(probe_config(config, probe, layers), own, should_stop=should_stop)
        if not show_training(events, console) and should_stop():
            break
        if probe in open_:
            spent.append(time.monotonic() - started)
        found.append(read_found(own))
    return found


def show_found(
    found: Sequence[Found], exits: dict[str, int], tolerance: float, console: Console
) -> None:
    """Print the share of live groups in each layer, and where the tasks leave."""
    for task in TASKS:
        own = [probe for probe in found if probe.task == task]
        console.print(table_of(task, own))
        penalty = chosen_penalty(own, task, tolerance)
        console.print(
            f"{task} leaves after layer {exits[task]}, at penalty {penalty:g}\n", highlight=False
        )


def table_of(task: str, found: Sequence[Found]) -> Table:
    """A row for each probe and, below those of a penalty, which layers live in all of them."""
    table = Table(title=f"{task}: groups alive", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("penalty", "seed", *(f"layer {n + 1}" for n in range(len(found[0].shares)))):
        table.add_column(heading, justify="right")
    table.add_column("numbers kept", justify="right")
    table.add_column("dev F1", justify="right")
    for penalty in dict.fromkeys(probe.penalty for probe in found):
        own = [probe for probe in found if probe.penalty == penalty]
        for probe in own:
            table.add_row(
                f"{penalty:g}", str(probe.seed), *map(percent, probe.shares), *ends(probe)
            )
        verdicts = alive_layers([probe.shares for probe in own])
        words = ["alive" if alive else "dead" for alive in verdicts]
        table.add_row("", "all", *words, "", "", style="bold", end_section=True)
    table.caption = f"A layer is alive if more than {ALIVE:.0%} of its groups are, with every seed."
    table.caption_justify = "left"
    return table


def ends(probe: Found) -> tuple[str, str]:
    """The last columns."""
    score = "-" if probe.f1 is None else f"{100 * probe.f1:.1f}"
    return f"{probe.kept:,} of {probe.parameters:,}", score


def percent(share: float) -> str:
    """A share for the eye: none is told from few."""
    return f"{100 * share:.1f} %" if share else "none"
