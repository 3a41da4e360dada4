"""`dovetail experiment`: configs x seeds x folds, and a table of what they are worth."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.say import say, say_error
from dovetail.cli.train_command import INTERRUPTED, stop_on_interrupt
from dovetail.cli.waiting import Waiting
from dovetail.threads import available_cores

if TYPE_CHECKING:
    from dovetail.lab.experiment_cells import Cell
    from dovetail.lab.statistics.experiment_folder import Experiment
    from dovetail.lab.workers import Workers

DROPS = ("checkpoints", "models", "nothing")

PlanFile = Annotated[
    Path, typer.Argument(help="The plan of the experiment, a TOML file.", show_default=False)
]
Processes = Annotated[
    int, typer.Option(min=0, help="Cells at a time, each on one core; 0 takes all cores.")
]
Configs = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,…",
        help="Only these configs of the plan, and what they need.",
        show_default=False,
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(metavar="K,…", help="Only these seeds of the plan.", show_default=False),
]
Smoke = Annotated[
    bool, typer.Option("--smoke", help="Try the whole plan in seconds: scores mean nothing.")
]
TablesOnly = Annotated[
    bool, typer.Option("--tables", help="Train nothing; make the tables of what is finished.")
]
Speed = Annotated[
    bool, typer.Option("--speed", help="Measure extraction afterwards, a config at a time.")
]
Drop = Annotated[
    str,
    typer.Option(
        metavar="checkpoints|models|nothing",
        help="Files of finished cells to remove at the end; models removes the checkpoints too.",
    ),
]
Export = Annotated[
    Path | None,
    typer.Option(
        help="Copy what a repository keeps of the results to this folder.", show_default=False
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Do the cells on a Ray cluster: auto, host:port, or local for this machine alone.",
        show_default=False,
    ),
]
Runs = Annotated[Path, typer.Option(help="The folder in which runs leave their folders.")]


def experiment_command(  # noqa: PLR0913 (the parameters of a command are its options)
    plan: PlanFile,
    *,
    processes: Processes = 0,
    configs: Configs = None,
    seeds: Seeds = None,
    smoke: Smoke = False,
    tables: TablesOnly = False,
    speed: Speed = False,
    drop: Drop = "nothing",
    export: Export = None,
    ray: Ray = None,
    runs: Runs = Path("runs"),
) -> None:
    """Train configs with several seeds, on several folds, and compare them.

    Each config, fold and seed is a cell: a training in a process of its own, done once.
    The same command again goes on where it was stopped, and tries failed cells once more.
    Leaves runs/NAME with a folder for each cell, tables (CSV, Parquet, Markdown) and figures.
    docs/experiments.md says how a plan is written, and what the columns mean.
    """
    check_options(drop)
    from dovetail.lab.experiment_cells import smoke_plan
    from dovetail.lab.experiment_plan import load_plan
    from dovetail.lab.statistics.experiment_folder import Experiment, check_extra

    check_extra()
    read = load_plan(plan)
    plan_done = smoke_plan(read) if smoke else read
    if smoke:
        tried = ", ".join(row.name for row in plan_done.rows)
        say(f"tries {len(plan_done.rows)} of {len(read.rows)} configs: {tried}")
    experiment = Experiment.of_plan(plan_done, runs)
    chosen = experiment.part(parts_of(configs), seeds_of(seeds))
    failures: list[str] = []
    if not tables:
        workers = workers_of(experiment, processes, in_turn=smoke, ray=ray)
        failures = do_cells(experiment, chosen, workers)
    show_tables(experiment, speed=speed)
    clean(experiment, drop)
    if export is not None:
        export_files(experiment, export)
    if failures:
        for failure in failures:
            say_error(f"failed: {failure}")
        say("the same command tries them again", err=True)
        raise typer.Exit(1)


def check_options(drop: str) -> None:
    """Refuse what no option says."""
    if drop not in DROPS:
        raise typer.BadParameter(
            f"expected {', '.join(DROPS[:-1])} or {DROPS[-1]}, found {drop!r}", param_hint="--drop"
        )


def parts_of(text: str | None) -> list[str] | None:
    """The names between the commas of an option."""
    return None if text is None else [part.strip() for part in text.split(",")]


def seeds_of(text: str | None) -> list[int] | None:
    """The numbers between the commas of an option."""
    parts = parts_of(text)
    try:
        return None if parts is None else [int(part) for part in parts]
    except ValueError:
        raise typer.BadParameter(
            f"expected numbers such as 1,2,3, found {text!r}", param_hint="--seeds"
        ) from None


def workers_of(
    experiment: Experiment, processes: int, *, in_turn: bool, ray: str | None
) -> Workers:
    """Who does the cells: a cluster, this process in turn, or child processes."""
    from dovetail.lab.cell_folder import CellFolder
    from dovetail.lab.experiment_work import CellWork
    from dovetail.lab.workers import OwnProcess, ProcessWorkers

    root = experiment.root
    if ray is not None:
        from dovetail.lab.ray_workers import RayWorkers

        return RayWorkers(root, ray)
    if in_turn:
        return OwnProcess(CellWork(root))
    return ProcessWorkers(
        CellWork(root),
        processes or available_cores(),
        log_of=lambda cell: CellFolder(root, cell.key).open_log(),
    )


def do_cells(experiment: Experiment, cells: Sequence[Cell], workers: Workers) -> list[str]:
    """Do the cells that are not finished; what failed, in words.

    Raises:
        typer.Exit: after Ctrl-C.
    """
    from dovetail.cli.experiment_display import ExperimentDisplay
    from dovetail.cli.terminal import Terminal
    from dovetail.lab.engine import run_cells
    from dovetail.lab.experiment_cells import refuse_other_configs
    from dovetail.lab.folder_cells import FolderCells

    refuse_other_configs(cells, experiment.root)
    experiment.begin()
    display = ExperimentDisplay(Terminal(soft_wrap=True), workers.places)
    plan = FolderCells(cells, experiment.root)
    # Cells are processes that would live on if this one were ended without a word to them.
    with stop_on_interrupt(signal.SIGTERM, signal.SIGHUP) as stop:
        display.show(run_cells(plan, workers, should_stop=stop.is_set))
    if display.stopped:
        say("stopped; the same command goes on after the last whole epoch of each cell")
        raise typer.Exit(INTERRUPTED)
    return display.failures


def show_tables(experiment: Experiment, *, speed: bool) -> None:
    """Write and print the tables of the cells that are finished."""
    from dovetail.cli.experiment_display import print_table
    from dovetail.cli.terminal import Terminal
    from dovetail.lab.statistics.experiment_folder import measure_speed
    from dovetail.lab.statistics.experiment_tables import all_tables, explanation

    results = experiment.results()
    if not results:
        say("no cell is finished, so there is no table")
        return
    with Waiting() as tell:
        if speed:
            tell.stage("measuring the speed of each config")
            measure_speed(results)
        tell.stage("testing differences, writing tables and figures")
        summary = experiment.write_tables(results)
    console = Terminal(highlight=False)
    for table in all_tables(summary):
        print_table(console, table)
    say(explanation(summary))
    say(f"tables and figures: {experiment.folder}")


def export_files(experiment: Experiment, folder: Path) -> None:
    """Copy the small files of the results."""
    from dovetail.lab.statistics.experiment_folder import export

    experiment.begin()  # the plan as it is now
    copied = export(experiment.folder, folder)
    say(f"copied to {folder}: {', '.join(path.name for path in copied)}")


def clean(experiment: Experiment, drop: str) -> None:
    """Remove of the finished cells what is not wanted any more."""
    if drop == "nothing":
        return
    freed = sum(r.folder.drop(models=drop == "models") for r in experiment.results())
    say(f"removed {drop} of finished cells: {freed / 1e6:,.0f} MB")
