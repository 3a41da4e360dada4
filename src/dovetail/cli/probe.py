"""`dovetail probe`: how many layers each task needs, and a recipe of what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dovetail.cli.train import INTERRUPTED, ConfigFile, Overrides, Runs, stop_on_interrupt

Seeds = Annotated[int, typer.Option(min=1, help="Probes of each task and penalty.")]
Layers = Annotated[int, typer.Option(min=1, help="Layers of each probe.")]
Penalties = Annotated[
    list[float] | None,
    typer.Option(
        "--penalty",
        min=0,
        help="What a unit has to be worth to stay; repeatable: the largest is taken that costs no "
        "more dev F1 than --tolerance. 0.001 without it.",
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
    """Find out after how many layers each task should leave a shared stack.

    Trains sparse networks for each task alone, prints which of their layers are alive, and leaves
    runs/NAME-probes/found.toml, a recipe with these exits, and random.toml, its control. The same
    command goes on with what was stopped or killed. After Ctrl-C the exit code is 130.
    """
    from dovetail.config import load_config

    start = load_config(config, overrides or ())  # what is wrong with it is said before torch
    from dovetail.cli.probe_display import show_found, show_probes
    from dovetail.cli.terminal import Terminal
    from dovetail.lab.probes import exits_from, planned, write_recipes

    console = Terminal(soft_wrap=True)
    folder = runs / f"{start.name}-probes"
    probes = planned(sorted({*(penalties or [1e-3])}), seeds, first_seed=start.seed)
    with stop_on_interrupt() as stop:
        found = show_probes(probes, start, layers, folder, console, stop.is_set)
    if len(found) < len(probes):
        raise typer.Exit(INTERRUPTED)
    exits = exits_from(found, tolerance)
    show_found(found, exits, tolerance, console)
    for path in write_recipes(start, exits, folder):
        console.print(f"recipe: {path}", highlight=False)
