"""`dovetail report`: one HTML page on a run, an experiment, or predictions."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from dovetail.cli.negatives_options import NegativesOfRun
from dovetail.cli.option_groups import with_group
from dovetail.cli.output_checks import check_output
from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say
from dovetail.cli.waiting import Waiting

Source = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|EXPERIMENT|CORPUS",
        help="The folder of a run or of an experiment; with --predictions, an annotated corpus.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The page; by default report.html in the folder, or beside the predictions.",
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(help="Score the run on this corpus too; its errors are not shown."),
]
CorpusName = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        metavar="NAME",
        help="A page of this corpus alone, where the run has several.",
        show_default=False,
    ),
]
Predictions = Annotated[
    Path | None,
    typer.Option(help="Report on this file of predictions, of any system, on a corpus."),
]


@reads_corpora
@with_group(NegativesOfRun, "asked")
def report_command(
    source: Source,
    *,
    output: Output = None,
    test: Test = None,
    corpus: CorpusName = None,
    predictions: Predictions = None,
    asked: NegativesOfRun,
    reading: ReadingOptions,
) -> None:
    """Make one self-contained HTML page of what a model does well and what goes wrong.

    dovetail report runs/NAME writes runs/NAME/report.html, about the dev sentences of the run.

    dovetail report CORPUS --predictions FILE writes one about the predictions of any system.
    """
    if test is not None and predictions is not None:
        raise typer.BadParameter("predictions are scored on one corpus", param_hint="--test")
    if corpus is not None and predictions is not None:
        raise typer.BadParameter("predictions are of one corpus", param_hint="--corpus")
    asked.check(predictions)
    target = output or (
        source / "report.html" if predictions is None else predictions.with_suffix(".html")
    )
    check_output(output, source, test, predictions, *asked.files)

    from dovetail.files.writing import write_text
    from dovetail.report.page import Made, environment

    environment()  # what is not installed is said before torch is loaded
    from dovetail.report.source import OfRun, page_of

    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    with Waiting() as tell:
        page = page_of(
            source,
            Made.now(command),
            of_run=OfRun(test, corpus, asked.asked),
            predictions=predictions,
            read_as=reading.over,
            tell=tell,
        )
    write_text(target, page)
    say(f"report: {target}")
