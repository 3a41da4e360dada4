"""The command line: options, one call of a plain function, and a rendering of what it returned.

Modules of this package import only typer and the standard library at their top: what is heavy
(torch, spaCy, rich) is imported inside the command that uses it, so that ``--help`` stays quick.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from dovetail.cli.advise_command import advise_command
from dovetail.cli.bulk_command import bulk_command
from dovetail.cli.calibrate_command import calibrate_command
from dovetail.cli.convert_command import ConvertCommand, convert_command
from dovetail.cli.demo_command import demo_command
from dovetail.cli.doctor_command import doctor_command
from dovetail.cli.ensemble_command import ensemble_command
from dovetail.cli.evaluate_command import evaluate_command
from dovetail.cli.experiment_command import experiment_command
from dovetail.cli.extract_command import extract_command
from dovetail.cli.graph_command import graph_command
from dovetail.cli.inspect_command import inspect_command
from dovetail.cli.label_studio_command import label_studio_command
from dovetail.cli.probe_command import probe_command
from dovetail.cli.push_command import push_command
from dovetail.cli.report_command import report_command
from dovetail.cli.say import Commands, say_error
from dovetail.cli.serve_command import serve_command
from dovetail.cli.standard_streams import (
    CLOSED_PIPE,
    ClosedPipeError,
    finish_output,
    give_output_up,
    prepare_streams,
)
from dovetail.cli.strategies_command import strategies_command
from dovetail.cli.suggest_command import suggest_command
from dovetail.cli.train_command import train_command
from dovetail.cli.tune_command import tune_command
from dovetail.errors import DovetailError, OutputError
from dovetail.threads import prepare_threads

app = typer.Typer(
    name="dovetail",
    cls=Commands,
    help="Named entities and the relations between them, extracted by one model of your own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from dovetail import __version__

        typer.echo(f"dovetail {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Take what stands before the command; the version has been shown by its callback."""


def _add(name: str, command: Callable[..., None], **options: Any) -> None:
    """Add a command, whose help has a line for each paragraph: the terminal breaks them."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    text = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    app.command(name, help=text, **options)(command)


_add("demo", demo_command)
_add("inspect", inspect_command)
_add("convert", convert_command, cls=ConvertCommand)
_add("strategies", strategies_command)
_add("advise", advise_command)
_add("train", train_command)
_add("probe", probe_command)
_add("tune", tune_command)
_add("ensemble", ensemble_command)
_add("evaluate", evaluate_command)
_add("doctor", doctor_command)
_add("calibrate", calibrate_command)
_add("experiment", experiment_command)
_add("extract", extract_command)
_add("bulk", bulk_command)
_add("graph", graph_command)
_add("serve", serve_command)
_add("label-studio", label_studio_command)
_add("suggest", suggest_command)
_add("report", report_command)
_add("push", push_command)


def main() -> None:
    """Run the command line; an error that the user can put right is printed, not traced."""
    prepare_threads()
    prepare_streams()
    try:
        try:
            app()
        finally:
            finish_output()
    except DovetailError as error:
        if isinstance(error, OutputError):
            give_output_up()
        for line in (f"error: {error}", *getattr(error, "__notes__", ())):
            say_error(line)
        sys.exit(CLOSED_PIPE if isinstance(error, ClosedPipeError) else 1)
    except ModuleNotFoundError as error:
        if (error.name or "dovetail").startswith("dovetail"):
            raise
        say_error(
            f"error: the Python module {error.name!r} is missing, without which a library that "
            f"Dovetail stands on does not work: pip install --force-reinstall dovetail brings it"
        )
        sys.exit(1)
