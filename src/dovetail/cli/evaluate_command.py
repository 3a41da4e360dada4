"""`dovetail evaluate`: score a model, or predictions made elsewhere, on an annotated corpus."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dovetail.cli.compared import ModelOf, compare_file, compare_model
from dovetail.cli.negatives_options import NegativesOptions, refuse_for_predictions
from dovetail.cli.option_groups import with_group
from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say_json
from dovetail.cli.waiting import Waiting

if TYPE_CHECKING:
    from dovetail.evaluation import Evaluation, SettingScores
    from dovetail.report.false_alarms import Alarms

Arguments = Annotated[
    list[str],
    typer.Argument(
        metavar="[MODEL] CORPUS",
        help="A model and an annotated corpus; with --predictions, the corpus alone.",
        show_default=False,
    ),
]
Predictions = Annotated[
    Path | None,
    typer.Option(help="Score this corpus file with predicted annotations instead of a model."),
]
SchemaName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The schema of the corpus, where the model has several.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None, typer.Option(help="The format of the files; by default told from their content.")
]
Symmetric = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TYPE",
        help="A relation whose direction does not count; repeatable. A model knows its own.",
        show_default=False,
    ),
]
Samples = Annotated[
    int,
    typer.Option(min=0, help="How often to draw the sentences anew for intervals; 0 for none."),
]
GoldEntities = Annotated[
    bool,
    typer.Option(
        "--gold-entities",
        help="Score relations between the gold entities too: the rest is lost to entities.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the scores to this file too, as JSON."),
]


@reads_corpora
@with_group(NegativesOptions, "asked")
def evaluate_command(  # noqa: PLR0913  the options of a command, which nobody passes on
    arguments: Arguments,
    *,
    predictions: Predictions = None,
    schema: SchemaName = None,
    format: Format = None,
    symmetric: Symmetric = None,
    samples: Samples = 1000,
    gold_entities: GoldEntities = False,
    as_json: AsJson = False,
    output: Output = None,
    asked: NegativesOptions,
    reading: ReadingOptions,
) -> None:
    """Score entities and relations against an annotated corpus.

    dovetail evaluate MODEL CORPUS scores a model.

    dovetail evaluate --predictions FILE CORPUS scores the predictions of any system.
    """
    model, corpus = _model_and_corpus(arguments, predictions)
    if predictions is not None:
        _refuse_for_predictions(schema, gold_entities, asked)
    asked.check(corpus, predictions, output=output)

    from dovetail.cli.evaluate_display import show

    known = ModelOf(model, schema, gold_entities, asked)
    with Waiting() as tell:
        compared = (
            compare_model(known, corpus, format, reading, tell)
            if predictions is None
            else compare_file(predictions, corpus, format, reading, tell)
        )
        tell.stage("scoring" + " and drawing sentences for intervals" * bool(samples))
        evaluation = compared.evaluation(symmetric or [], samples)
        given = compared.given_entities(symmetric or [], samples)
    alarms = compared.alarms(evaluation, asked.negatives_share)
    beside = compared.beside(alarms.warnings(evaluation))
    scores_as_json = _as_json({**_values(evaluation, given, alarms), **asdict(beside)})
    _write(scores_as_json, output)
    compared.write_alarms(asked.false_alarms)
    if as_json:
        say_json(scores_as_json)
    else:
        show(evaluation, beside, given, alarms)


def _refuse_for_predictions(
    schema: str | None, gold_entities: bool, asked: NegativesOptions
) -> None:
    """Refuse what only a model can be asked for."""
    if schema is not None:
        raise typer.BadParameter("predictions are of one schema", param_hint="--schema")
    if gold_entities:
        raise typer.BadParameter(
            "predictions of a file are there already; only a model can be given other entities",
            param_hint="--gold-entities",
        )
    refuse_for_predictions(asked)


def _as_json(scores: dict[str, Any]) -> str:
    return json.dumps(scores, indent=2, ensure_ascii=False)


def _write(scores: str, output: Path | None) -> None:
    from dovetail.files.writing import write_text

    if output is not None:
        write_text(output, f"{scores}\n")


def _values(evaluation: Evaluation, given: SettingScores | None, alarms: Alarms) -> dict[str, Any]:
    """The scores as JSON values, with those given the gold entities, and false alarms."""
    from dovetail.evaluation.alarm_counts import FALSE_ALARMS
    from dovetail.evaluation.scores import GIVEN_ENTITIES

    values = evaluation.to_dict()
    values["relation"][FALSE_ALARMS] = alarms.to_dict()
    if given is not None:
        values["relation"][GIVEN_ENTITIES] = given.to_dict()
    return values


def _model_and_corpus(arguments: list[str], predictions: Path | None) -> tuple[str, Path]:
    """Tell the two forms of the command apart; the model is empty where predictions are given.

    Raises:
        typer.BadParameter: unless there is either a model or a file of predictions.
    """
    given = " ".join(arguments)
    if predictions is None:
        if len(arguments) != 2:
            raise typer.BadParameter(
                f"expected a model and a corpus, got {given!r}; "
                f"or score a file: --predictions FILE CORPUS",
                param_hint="MODEL CORPUS",
            )
        return arguments[0], Path(arguments[1])
    if len(arguments) != 1:
        raise typer.BadParameter(
            f"with --predictions expected one corpus and no model, got {given!r}",
            param_hint="CORPUS",
        )
    return "", Path(arguments[0])
