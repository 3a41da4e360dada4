"""`dovetail strategies`: the ways in which two tasks can share, and what each costs."""

from __future__ import annotations

from dovetail.cli.say import say
from dovetail.cli.train_command import ConfigFile, Overrides
from dovetail.cli.waiting import Waiting


def strategies_command(config: ConfigFile, *, overrides: Overrides = None) -> None:
    """List all ways of sharing, with what each would cost on the data and encoders of a config.

    The config's own way has the config's settings, the others have their defaults. Models are
    built and counted; none is trained.
    """
    from dovetail.config import load_config

    settings = load_config(config, overrides or ())  # what is wrong with it is said before torch
    from dovetail.cli.strategies_display import show_strategies
    from dovetail.cli.terminal import Terminal
    from dovetail.lab.strategies import strategies

    say(f"counting with the data and encoders of {config}", err=True)
    counted = []
    with Waiting() as tell:
        tell.stage("reading the corpora and the encoders")
        for strategy in strategies(settings):
            counted.append(strategy)
            tell.stage(f"building models, {len(counted)} ways of sharing done")
    show_strategies(tuple(counted), Terminal())
