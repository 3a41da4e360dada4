"""The options that say how corpora are read: the same ones in every command that reads one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated

import typer

from dovetail.cli.option_groups import with_group
from dovetail.text.reading import Annotators, Discontinuous, Offsets, OnError, Reading

_PANEL = "How corpora are read"


@dataclass(frozen=True)
class ReadingOptions:
    """The options on how corpora are read; None where an option is not given."""

    language: Annotated[
        str | None,
        typer.Option(
            help="Language of raw text, as spaCy names it; by default the model's, or what the "
            "script of the text suggests.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="UNIT",
            help="Unit that is read at once: sentence, line, paragraph, document, or sentences:N; "
            "by default the model's, or sentence.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    on_error: Annotated[
        OnError | None,
        typer.Option(
            help="How to treat annotations that break the format: list all and stop (refuse, the "
            "default); leave them out and list them (drop); or mend those that can have one "
            "meaning only (fix).",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    offsets: Annotated[
        Offsets | None,
        typer.Option(
            help="Unit of character positions, where the format leaves it open: codepoints by "
            "default.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    discontinuous: Annotated[
        Discontinuous | None,
        typer.Option(
            help="How to read an entity in several fragments: leave it out (drop), take the "
            "stretch from the first to the last (cover), or keep it as it is (keep); by default "
            "as the model was trained, or drop.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None

    columns: Annotated[
        str | None,
        typer.Option(
            metavar="token=N,tag=N",
            help="Which columns of a file in columns hold the words and the tags, counted from 1, "
            "where Dovetail cannot tell.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    annotators: Annotated[
        Annotators | None,
        typer.Option(
            help="Whose annotations to read of a text that several annotators marked: those of one "
            "(first, the default), of all (merge), or those that all agree on (agree).",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None

    def over(self, reading: Reading) -> Reading:
        """The reading with what was said on the command line.

        Raises:
            typer.BadParameter: if there is no such unit.
        """
        said = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) is not None
        }
        try:
            return replace(reading, **said)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error


reads_corpora = with_group(ReadingOptions, "reading")
"""Gives a command these options; it takes them as one keyword argument `reading`."""
