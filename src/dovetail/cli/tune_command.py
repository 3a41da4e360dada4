"""`dovetail tune`: search the fields of a config for the best dev score."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.train_command import INTERRUPTED, ConfigFile, Overrides, Runs, stop_on_interrupt
from dovetail.cli.waiting import Waiting

if TYPE_CHECKING:
    from rich.console import Console

    from dovetail.config import Config
    from dovetail.training.job import Job

Trials = Annotated[
    int,
    typer.Option(
        min=1, help="Trials that there are to be in the end, those of an earlier call included."
    ),
]
SpaceFile = Annotated[
    Path | None,
    typer.Option(
        help="A TOML file with the fields to tune and their values; a default space without it.",
        show_default=False,
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The database of the trials, such as postgresql://user@host/database, for several "
        "machines; study.db in the folder of the search without it.",
        show_default=False,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="MIN",
        help="Minutes after which the search stops; it can go on later.",
        show_default=False,
    ),
]
Processes = Annotated[int, typer.Option(min=1, help="Trials that run at the same time.")]
Name = Annotated[
    str | None,
    typer.Option(help="The name of the search; that of the config without it.", show_default=False),
]


def tune_command(  # noqa: PLR0913 (a command's parameters are its options)
    config: ConfigFile,
    *,
    trials: Trials = 50,
    space: SpaceFile = None,
    overrides: Overrides = None,
    storage: Storage = None,
    timeout: Timeout = None,
    processes: Processes = 1,
    name: Name = None,
    runs: Runs = Path("runs"),
) -> None:
    """Search for the best config on the dev set.

    Leaves runs/NAME-tuning with the best config as a recipe, a table of all trials, the importance
    of each field, and plots. The same command goes on with a search that was stopped or killed.
    Ctrl-C stops it; trials that were not over are repeated. The exit code is then 130.
    """
    from dovetail.config import load_config

    start = load_config(config, overrides or ())  # what is wrong with it is said before torch
    from dovetail.cli.terminal import Terminal
    from dovetail.cli.tuning_display import TuningDisplay, started_lines
    from dovetail.cli.tuning_summary import show_outcome
    from dovetail.lab.search import Task, default_space, read_space, sqlite_in, tune

    console = Terminal(soft_wrap=True)
    job = told_job(start, console)
    searched = default_space(job.config) if space is None else read_space(space, job.config)
    folder = runs / f"{name or start.name}-tuning"
    task = Task(searched, name or start.name, storage or sqlite_in(folder), trials)
    for line in started_lines(job.splits, searched):
        console.print(line, highlight=False)
    deadline = math.inf if timeout is None else time.monotonic() + 60 * timeout
    with stop_on_interrupt() as stop, TuningDisplay(console, task, processes) as display:
        outcome = tune(
            task,
            folder,
            processes=processes,
            notify=display.notify,
            should_stop=lambda: stop.is_set() or time.monotonic() >= deadline,
            job=job,
        )
    show_outcome(console, outcome, task, folder)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def told_job(start: Config, console: Console) -> Job:
    """The job of a config, with what is to be said of its sentences."""
    from dovetail.lab.search.training_objective import job_to_tune

    with Waiting() as tell:
        tell.stage("reading the corpora")
        job = job_to_tune(start)
    for note in job.splits.notes:
        console.print(note, highlight=False, markup=False)
    return job
