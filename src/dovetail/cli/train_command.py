"""`dovetail train`: train a model on one's own corpus."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Sequence
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
Base = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="The trained model that --add-task or --add-corpus adds to, without changing it; "
        "needs sharing.kind deltas or bank.",
        show_default=False,
    ),
]
AddTasks = Annotated[
    list[str] | None,
    typer.Option(
        "--add-task",
        metavar="TASK",
        help="Task to add to the base, repeatable: relation, which uses the base's entities, or "
        "both entity and relation, for another corpus.",
        show_default=False,
    ),
]
AddCorpus = Annotated[
    str | None,
    typer.Option(
        "--add-corpus",
        metavar="NAME",
        help="Add the config's corpus to the base under this name. The model then has two schemas: "
        "that of the base and this one.",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
Runs = Annotated[Path, typer.Option(help="The folder for the folders of runs.")]

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""


def train_command(
    config: ConfigFile,
    *,
    overrides: Overrides = None,
    base: Base = None,
    add_tasks: AddTasks = None,
    add_corpus: AddCorpus = None,
    resume: Resume = False,
    runs: Runs = Path("runs"),
) -> None:
    """Train a model on the corpus that a config names.

    Leaves runs/NAME with the model, the metrics of every epoch and a checkpoint.
    Ctrl-C stops after the current step and saves the best model so far; --resume goes on later.
    The exit code is then 130, so that a script stops too.
    """
    from dovetail.config import load_config

    # What is wrong with the config is said before torch is loaded.
    settings = load_config(
        config, [*(overrides or ()), *overrides_of_base(base, add_tasks, add_corpus)]
    )
    from dovetail.cli.terminal import Terminal
    from dovetail.cli.training_display import shown
    from dovetail.training import RunFinished, training_events

    ended = False
    with stop_on_interrupt() as stop:
        events = training_events(
            settings, runs / settings.name, resume=resume, should_stop=stop.is_set
        )
        for event in shown(events, Terminal(soft_wrap=True)):
            ended = isinstance(event, RunFinished) and not event.interrupted
    if not ended:
        raise typer.Exit(INTERRUPTED)


def overrides_of_base(
    base: str | None, add_tasks: Sequence[str] | None, add_corpus: str | None = None
) -> list[str]:
    """The fields of the config that --base, --add-task and --add-corpus set.

    Raises:
        ConfigError: if there is one without the other, or a task is unknown.
    """
    from dovetail.errors import ConfigError
    from dovetail.text.document import TASKS

    if base is None and not add_tasks and add_corpus is None:
        return []
    if base is None:
        option = "--add-task" if add_corpus is None else "--add-corpus"
        raise ConfigError(f"{option} needs a model to add to: name a trained one by --base MODEL")
    if add_corpus is not None:
        if add_tasks:
            raise ConfigError("--add-corpus adds all tasks of a corpus; leave --add-task out")
        add_tasks = TASKS
    if not add_tasks:
        raise ConfigError("--base says what to add to, and not what: use --add-task relation too")
    for task in add_tasks:
        if task not in TASKS:
            raise ConfigError(f"unknown task {task!r}; --add-task takes {' or '.join(TASKS)}")
    named = json.dumps(base.replace("$", "$$"), ensure_ascii=False)
    chosen = [task for task in TASKS if task in add_tasks]
    corpus = [] if add_corpus is None else [f"sharing.add_corpus={json.dumps(add_corpus)}"]
    return [f"sharing.base={named}", f"sharing.add_tasks={json.dumps(chosen)}", *corpus]


@contextmanager
def stop_on_interrupt(*others: signal.Signals) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a wish to stop; the second one ends the program at once.

    So do other signals, except those that the program was told to ignore.
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
