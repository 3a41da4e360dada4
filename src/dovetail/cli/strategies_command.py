"""`dovetail strategies`: the ways in which tasks can share, what each costs, and the couplings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from typer import Argument

from dovetail.cli.say import say
from dovetail.cli.train_command import Overrides
from dovetail.cli.waiting import Waiting
from dovetail.errors import ConfigError

OptionalConfigFile = Annotated[
    Path | None, Argument(help="TOML file with the settings of the run.", show_default=False)
]


def strategies_command(config: OptionalConfigFile = None, *, overrides: Overrides = None) -> None:
    """List the ways to share parameters; with a config, what each would cost on its data.

    The strategy of the config is counted with its settings, the others with their defaults.
    Models are built and not trained. A second table lists the couplings, losses that go with any
    of these ways.
    """
    if config is None:
        if overrides:
            raise ConfigError("--set changes a config, and none is named: name its file too")
        list_all()
    else:
        count_all(config, overrides or ())


def list_all() -> None:
    """List all strategies and couplings, without a config, and name the broken plug-ins."""
    from dovetail.cli.strategies_display import show_couplings, show_listed
    from dovetail.cli.terminal import Terminal
    from dovetail.strategies.listing import couplings_by_kind, listed, sections_by_kind

    notes: list[str] = []
    show_listed([listed(section) for section in sections_by_kind(notes).values()], Terminal())
    show_couplings([listed(section) for section in couplings_by_kind(notes).values()], Terminal())
    for note in notes:
        say(f"warning: {note}", err=True)


def count_all(config: Path, overrides: Sequence[str]) -> None:
    """List all strategies with what each would cost with a config, and which couplings it has."""
    from dovetail.config import load_config

    settings = load_config(config, overrides)  # what is wrong with it is said before torch
    from dovetail.cli.strategies_display import show_couplings, show_strategies
    from dovetail.cli.terminal import Terminal
    from dovetail.lab.strategies import strategies
    from dovetail.strategies.listing import couplings_by_kind, listed
    from dovetail.training.job import Job

    say(f"counting with the data and encoders of {config}", err=True)
    counted = []
    with Waiting() as tell:
        tell.stage("reading the corpora and the encoders")
        for strategy in strategies(Job.of(settings)):
            counted.append(strategy)
            tell.stage(f"building models, {len(counted)} ways of sharing done")
    show_strategies(tuple(counted), Terminal())
    couplings = [listed(section) for section in couplings_by_kind().values()]
    show_couplings(couplings, Terminal(), configured=[own.kind for own in settings.couplings])
