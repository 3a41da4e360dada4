"""`dovetail train`: train a model on one's own corpus."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path, typer.Argument(help="The config of the run, a TOML file.", show_default=False)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Override a field of the config, such as sharing.entity_layers=2; repeatable.",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
Runs = Annotated[Path, typer.Option(help="The folder in which runs leave their folders.")]

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""


def train_command(
    config: ConfigFile,
    *,
    overrides: Overrides = None,
    resume: Resume = False,
    runs: Runs = Path("runs"),
) -> None:
    """Train a model on the corpus that a config names.

    Leaves runs/NAME with the model, the metrics of every epoch and a checkpoint.
    Ctrl-C stops after the current step and saves the best model so far; --resume goes on later.
    The exit code is then 130, so that what was to follow in a script does not.
    """
    from dovetail.config import load_config

    settings = load_config(config, overrides or ())  # what is wrong with it is said before torch
    from rich.console import Console

    from dovetail.cli.training_display import show_training
    from dovetail.training import train

    with stop_on_interrupt() as stop:
        events = train(settings, runs / settings.name, resume=resume, should_stop=stop.is_set)
        ended = show_training(events, Console(soft_wrap=True))
    if not ended:
        raise typer.Exit(INTERRUPTED)


@contextmanager
def stop_on_interrupt(*others: signal.Signals) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a wish to stop; the second one ends the program at once.

    So do other signals, but for those that the program was told to ignore.
    """
    stop = threading.Event()

    def ask(signal_number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    heeded = [other for other in others if signal.getsignal(other) != signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, *heeded)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
