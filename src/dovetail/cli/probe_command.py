"""`dovetail probe`: how many layers each task needs, and a recipe of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.train_command import INTERRUPTED, ConfigFile, Overrides, Runs, stop_on_interrupt

if TYPE_CHECKING:
    from rich.console import Console

    from dovetail.lab.probes import Probe

Seeds = Annotated[int, typer.Option(min=1, help="Probes of each task and penalty.")]
Layers = Annotated[int, typer.Option(min=1, help="Layers of each probe.")]
Penalties = Annotated[
    list[float] | None,
    typer.Option(
        "--penalty",
        min=0,
        help="Penalty on each unit, repeatable; the largest is chosen that costs no more dev F1 "
        "than --tolerance. Default: 0.001.",
        show_default=False,
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(min=0, max=1, help="Dev F1 that a penalty may cost against the smallest one."),
]


def probe_command(
    config: ConfigFile,
    *,
    seeds: Seeds = 3,
    penalties: Penalties = None,
    layers: Layers = 4,
    tolerance: Tolerance = 0.01,
    overrides: Overrides = None,
    runs: Runs = Path("runs"),
) -> None:
    """Find after how many shared layers each task should branch off.

    Trains a network for each task alone, under a penalty that removes units which the task does
    not need, and prints how many are left in each layer. Leaves runs/NAME-probes/found.toml, a
    config with the exits that were found, and random.toml, its control. The same command goes on
    after a stop or a kill. After Ctrl-C the exit code is 130.
    """
    from dovetail.config import load_config

    start = load_config(config, overrides or ())  # what is wrong with it is said before torch
    from dovetail.cli.probe_display import show_found
    from dovetail.cli.terminal import Terminal
    from dovetail.lab.probes import exits_from, planned, read_found, write_recipes

    console = Terminal(soft_wrap=True)
    folder = runs / f"{start.name}-probes"
    probes = planned(start, sorted({*(penalties or [1e-3])}), seeds=seeds, layers=layers)
    train_probes(probes, folder, console)
    found = [read_found(folder / probe.key) for probe in probes]
    exits = exits_from(found, tolerance)
    show_found(found, exits, tolerance, console)
    for path in write_recipes(start, exits, folder):
        console.print(f"recipe: {path}", highlight=False)


def train_probes(probes: Sequence[Probe], folder: Path, console: Console) -> None:
    """Train the probes that are not yet trained; the first that fails ends it.

    Raises:
        TrainingError: saying why one failed.
        typer.Exit: after Ctrl-C.
    """
    from dovetail.cli.probe_display import ProbeDisplay
    from dovetail.errors import TrainingError
    from dovetail.lab.engine import run_cells
    from dovetail.lab.probes import ProbeWork, probes_in
    from dovetail.lab.workers import OwnProcess

    plan, workers = probes_in(folder, probes), OwnProcess(ProbeWork(folder))
    display = ProbeDisplay(console)
    with stop_on_interrupt() as stop:
        display.show(
            run_cells(plan, workers, should_stop=lambda: stop.is_set() or bool(display.failure))
        )
    if display.failure:
        raise TrainingError(display.failure)
    if display.stopped:
        raise typer.Exit(INTERRUPTED)
