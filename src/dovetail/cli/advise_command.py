"""`dovetail advise`: which way of sharing fits one's corpora, why, and the command to try it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dovetail.cli.train_command import INTERRUPTED, Overrides, Runs, stop_on_interrupt
from dovetail.cli.waiting import Waiting

if TYPE_CHECKING:
    from dovetail.config import Config
    from dovetail.lab.advice.advice import Advice
    from dovetail.training.job import Job

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="CONFIG|CORPUS…",
        help="The config of a run, a TOML file; or corpora, each a file or a folder, which are "
        "learned by one model with the default settings.",
        show_default=False,
    ),
]
Minutes = Annotated[
    float, typer.Option(min=0, metavar="MIN", help="Minutes that all of it may take.")
]

DEV_FRACTION = 0.15
"""The share of a corpus that is set apart to compare on where no config says otherwise."""


def advise_command(
    paths: Paths,
    *,
    minutes: Minutes = 10,
    overrides: Overrides = None,
    runs: Runs = Path("runs"),
) -> None:
    """Recommend what the tasks should share, for these corpora.

    Counts what they have, trains short pilots of some ways of sharing, and compares their dev
    scores with what is known of other corpora. Says what gain to expect, how sure that is, and
    recommends the config as it is where nothing is probably better.

    Leaves runs/NAME-advice with the recommended config as a recipe and all that was measured. The
    same command goes on with it. Ctrl-C gives the advice of what was done by then; the exit code is
    130.
    """
    started = time.monotonic()
    start = config_of(paths, overrides or ())  # what is wrong with it is said before torch
    from dovetail.cli.advise_display import AdviceDisplay, show_advice
    from dovetail.cli.terminal import Terminal
    from dovetail.files.writing import write_text
    from dovetail.lab.advice.adviser import Adviser
    from dovetail.lab.advice.known import Known
    from dovetail.lab.advice.schedule import Budget
    from dovetail.lab.advice.store import Store
    from dovetail.running.steps import result_of

    console = Terminal(soft_wrap=True)
    folder = runs / f"{start.name}-advice"
    with stop_on_interrupt() as stop:
        job = read_job(start)
        for note in job.splits.notes:
            console.print(note, highlight=False, markup=False)
        budget = Budget(started + 60 * minutes, time.monotonic, stop.is_set)
        known = Known.of_package(job.config.training.select)
        adviser = Adviser(job, budget, known, Store.open(folder, job))
        with AdviceDisplay(console) as display:
            advice = result_of(adviser.run(), display.notify)
    recipe = folder / "advised.toml"
    write_text(recipe, recipe_of(advice, job))
    write_text(folder / "advice.json", json.dumps(advice.to_dict(), indent=1) + "\n")
    show_advice(advice, console, recipe=recipe)
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)


def read_job(start: Config) -> Job:
    """The job of a config."""
    from dovetail.training.job import Job

    with Waiting() as tell:
        tell.stage("reading the corpora")
        return Job.of(start)


def recipe_of(advice: Advice, job: Job) -> str:
    """The recommended config, as it was pinned, in TOML."""
    from dovetail.config import dump_config

    return dump_config(advice.config(job.config))


def config_of(paths: Sequence[Path], overrides: Sequence[str]) -> Config:
    """The config that is named, or the default one for corpora.

    Raises:
        ConfigError: if it cannot be read or cannot be right, or configs and corpora are mixed.
    """
    return config_or_corpora(paths, overrides, values_of, "list the corpora in the config")


def config_or_corpora(
    paths: Sequence[Path],
    overrides: Sequence[str],
    values: Callable[[Sequence[Path]], dict[str, Any]],
    otherwise: str,
) -> Config:
    """The config that is named, or one of the values for the corpora that are.

    `otherwise` says what to do where both are named.

    Raises:
        ConfigError: if it cannot be read or cannot be right, or configs and corpora are mixed.
    """
    from dovetail.config import load_config, parse_config
    from dovetail.errors import ConfigError

    if not any(path.suffix == ".toml" for path in paths):
        return parse_config(values(paths), overrides)
    if len(paths) > 1:
        raise ConfigError(
            f"expected one config, or corpora, found {' '.join(map(str, paths))}: {otherwise}"
        )
    return load_config(paths[0], overrides)


def values_of(corpora: Sequence[Path]) -> dict[str, Any]:
    """The values of a config that learns some corpora, with a part of each set apart as dev set."""
    names = names_of(corpora)
    sources = [
        {"train": str(path).replace("$", "$$"), "dev_fraction": DEV_FRACTION} for path in corpora
    ]
    if len(sources) == 1:
        return {"name": names[0], "data": sources[0]}
    named = [{"name": name, **own} for name, own in zip(names, sources, strict=True)]
    return {"name": "-".join(names)[:64], "corpora": named}


def names_of(corpora: Sequence[Path]) -> list[str]:
    """A name for each corpus, of the letters, digits, - and _ of its file's.

    >>> names_of([Path("data/news.train.json"), Path("other/news.train.json"), Path("«»")])
    ['news', 'news-2', 'corpus']
    """
    names: list[str] = []
    for path in corpora:
        stem = path.resolve().name.partition(".")[0]
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:50] or "corpus"
        number = sum(own == name or re.fullmatch(rf"{name}-\d+", own) is not None for own in names)
        names.append(f"{name}-{number + 1}" if number else name)
    return names
