"""What commands print outside of tables: nothing that a terminal would obey comes through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from dovetail.showing.visible import shown, shown_json, shown_message


def say(text: str, *, err: bool = False) -> None:
    """Print a text, on standard error if `err`."""
    typer.echo(shown(text), err=err)


def say_json(text: str) -> None:
    """Print JSON, which stays the same value."""
    typer.echo(shown_json(text))


def say_error(message: str) -> None:
    """Print what went wrong, in red, on standard error."""
    typer.secho(shown_message(message), fg=typer.colors.RED, err=True)


# Newer versions of typer bring their own copy of click, so the class is taken from what both have.
_UsageError: type[Any] = next(
    own for own in typer.BadParameter.__mro__ if own.__name__ == "ClickException"
)


class Commands(TyperGroup):
    """The group of all commands; its errors of usage, which quote arguments, are shown safely."""

    def parse_args(self, *args: Any, **options: Any) -> Any:
        with _shown_errors():
            return super().parse_args(*args, **options)

    def invoke(self, *args: Any, **options: Any) -> Any:
        with _shown_errors():
            return super().invoke(*args, **options)


@contextmanager
def _shown_errors() -> Iterator[None]:
    """Change the message of an error of usage that passes through."""
    try:
        yield
    except _UsageError as error:
        if isinstance(error.message, str):
            error.message = shown_message(error.message)
        raise
