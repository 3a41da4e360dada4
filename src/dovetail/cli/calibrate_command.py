"""`dovetail calibrate`: confidences that mean what they say, and thresholds for what is wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say, say_json
from dovetail.cli.waiting import Waiting
from dovetail.text.document import TASKS

if TYPE_CHECKING:
    from dovetail.calibration.on_test import OnTest
    from dovetail.calibration.outcome import Calibrated

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A run, the folder of a model, or a shipped model.",
        show_default=False,
    ),
]
Dev = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DEV…]",
        help="Annotated corpora that the model did not learn from; by default the dev sentences of "
        "its run.",
        show_default=False,
    ),
]
Precision = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Choose thresholds for this precision of each type.", show_default=False
    ),
]
Recall = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Choose thresholds for this recall of each type.", show_default=False
    ),
]
Task = Annotated[
    Literal["entity", "relation"] | None,
    typer.Option(
        help="Choose the thresholds of this task alone; by default of both.", show_default=False
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Write the calibrated model here; by default it takes the model's place.",
        show_default=False,
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Say what it comes to on this corpus, of which nothing is chosen.",
        show_default=False,
    ),
]
SchemaName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The schema of DEV, where the model has several.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@reads_corpora
def calibrate_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    model: Model,
    dev: Dev = None,
    *,
    precision: Precision = None,
    recall: Recall = None,
    task: Task = None,
    output: Output = None,
    test: Test = None,
    schema: SchemaName = None,
    as_json: AsJson = False,
    reading: ReadingOptions,
) -> None:
    """Make confidences mean what they say, and choose thresholds for a precision or a recall.

    Fits a temperature and an offset for each type on sentences that nothing was learned from, and
    stores them with the model, which uses them from then on. Without --precision or --recall it
    finds what it found before, with other confidences.

    What cannot be reached is said, with the best that can be and how many examples that stands on.
    """
    goal = _goal(precision, recall, task)
    from dovetail.saved.finding import model_folder

    source = model_folder(model)
    target = _target(model, source, output)
    with Waiting() as tell:
        tell.stage("loading what calibrating needs")
        from dovetail.calibration.storing import Calibrating
        from dovetail.evaluation.operating_points import Wanted

        wanted = Wanted(*goal) if goal else None
        work = Calibrating(source, target, wanted, (task,) if task else TASKS)
        tell.stage("reading the corpora")
        apart = work.sentences(dev or (), schema, reading.over)
        gold = work.test_sentences(test, schema, reading.over) if test else ()
        results = work.calibrated(apart, tell)
        on_test = work.on_test(test, gold, schema, tell) if test else None
    notes = [note for own in apart.values() for note in own.notes]
    (_say_as_json if as_json else _show)(results, on_test, notes, target)


def _say_as_json(
    results: Sequence[Calibrated], on_test: OnTest | None, notes: Sequence[str], target: Path
) -> None:
    values: dict[str, Any] = {
        "model": str(target),
        "notes": notes,
        "schemas": [own.to_dict() for own in results],
        "test": on_test.to_dict() if on_test else None,
    }
    say_json(json.dumps(values, ensure_ascii=False, indent=2))


def _goal(
    precision: float | None, recall: float | None, task: str | None
) -> tuple[Literal["precision", "recall"], float] | None:
    """What is wanted, if anything."""
    if precision is not None and recall is not None:
        raise typer.BadParameter("a precision or a recall, and not both", param_hint="--recall")
    if precision is not None:
        return "precision", precision
    if recall is not None:
        return "recall", recall
    if task is not None:
        raise typer.BadParameter("it goes with --precision or --recall", param_hint="--task")
    return None


def _target(model: str, source: Path, output: Path | None) -> Path:
    """Where the calibrated model goes; a shipped model stays as it is."""
    from dovetail.saved.finding import shipped_models

    if output is None and source == shipped_models().get(model):
        raise typer.BadParameter(
            f"{model} comes with the package and stays as it is; name a folder",
            param_hint="--output",
        )
    return output or source


def _show(
    results: Sequence[Calibrated], on_test: OnTest | None, notes: Sequence[str], target: Path
) -> None:
    from dovetail.cli.calibrate_display import show_calibrated, show_on_test
    from dovetail.cli.terminal import Terminal

    console = Terminal()
    for note in notes:
        console.print(f"! {note}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    for own in results:
        show_calibrated(own, console)
    if on_test is not None:
        show_on_test(on_test, console)
    say(f"model: {target}")
