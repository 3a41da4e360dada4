"""The options on sentences without a relation, in which what is found is a false alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dovetail.cli.output_checks import check_output

if TYPE_CHECKING:
    from dovetail.report.false_alarms import AskedNegatives

_PANEL = "False alarms"


@dataclass(frozen=True)
class NegativesNamed:
    """The options on sentences without a relation; None where an option is not given."""

    negatives: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Sentences known to hold no relation, a corpus or plain text with a sentence a "
            "line: what is found in them is a false alarm; repeatable.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    negatives_documents: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Take those of these documents alone, by their ids, in which * stands for "
            "anything; repeatable.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    negatives_share: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0,
            max=0.9999,
            help="Reckon precision and F1 of relations in text of which this share of sentences "
            "holds none, such as 0.8.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None

    @property
    def files(self) -> list[Path]:
        """The files of such sentences."""
        return self.negatives or []

    def check_named(self) -> None:
        """Refuse what is said of files that are not named.

        Raises:
            typer.BadParameter: if there is such an option.
        """
        refuse_without_files(self.files, self.negatives_documents, "--negatives-documents")

    @property
    def asked(self) -> AskedNegatives:
        """What a model is asked about."""
        from dovetail.report.false_alarms import AskedNegatives

        files, documents = tuple(self.files), tuple(self.negatives_documents or ())
        return AskedNegatives(files, documents, self.negatives_share)


@dataclass(frozen=True)
class NegativesOfRun(NegativesNamed):
    """The same of a report, which has them for the model of a run."""

    def check(self, predictions: Path | None) -> None:
        """Refuse what is said of files that are not named, or of predictions.

        Raises:
            typer.BadParameter: if there is such an option.
        """
        self.check_named()
        if predictions is not None:
            refuse_for_predictions(self)


@dataclass(frozen=True)
class NegativesOptions(NegativesNamed):
    """The same of `dovetail evaluate`, which writes the sentences with false alarms as well."""

    false_alarms: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the sentences of --negatives with false alarms, and what was found in "
            "them, to this file, which data.negatives reads.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None

    def check(self, *inputs: Path | None, output: Path | None) -> None:
        """Check the files to write, beside those that are read, and options of files not named.

        Raises:
            typer.BadParameter: if there is such an option, or a folder does not exist.
            OutputError: if a file to write is one of the others.
        """
        inputs = (*inputs, *self.files)
        check_output(output, *inputs, self.false_alarms)
        check_output(self.false_alarms, *inputs, option="--false-alarms")
        self.check_named()
        refuse_without_files(self.files, self.false_alarms, "--false-alarms")


def refuse_without_files(files: Sequence[Path], given: object, option: str) -> None:
    """Raise `typer.BadParameter` if an option on files is given, and no files are."""
    if given and not files:
        raise typer.BadParameter(
            "there are no files that it could be of; name them by --negatives", param_hint=option
        )


def refuse_for_predictions(asked: NegativesNamed) -> None:
    """Raise `typer.BadParameter` if predictions of a file are to be made on other sentences."""
    if asked.files:
        raise typer.BadParameter(
            "predictions of a file are there already; only a model can be given other sentences. "
            "Those of the corpus that hold no relation count as they are",
            param_hint="--negatives",
        )
