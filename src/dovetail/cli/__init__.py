"""The command line: options, one call of a plain function, and a rendering of what it returned.

Modules of this package import only typer and the standard library at their top: what is heavy
(torch, spaCy, rich) is imported inside the command that uses it, so that ``--help`` stays quick.
"""

from __future__ import annotations

import sys

import typer

from dovetail.cli.convert import convert_command
from dovetail.cli.demo import demo_command
from dovetail.cli.evaluate import evaluate_command
from dovetail.cli.extract import extract_command
from dovetail.cli.inspect import inspect_command
from dovetail.cli.train import train_command
from dovetail.errors import DovetailError
from dovetail.threads import prepare_threads

app = typer.Typer(
    name="dovetail",
    help="Named entities and the relations between them, extracted by one model of your own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo_command)
app.command("inspect")(inspect_command)
app.command("convert")(convert_command)
app.command("train")(train_command)
app.command("evaluate")(evaluate_command)
app.command("extract")(extract_command)


def main() -> None:
    """Run the command line; an error that the user can put right is printed, not traced."""
    prepare_threads()
    try:
        app()
    except DovetailError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(1)
