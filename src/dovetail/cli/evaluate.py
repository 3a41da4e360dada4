"""`dovetail evaluate`: score a model, or predictions made elsewhere, on an annotated corpus."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from dovetail.document import Sentence
    from dovetail.evaluation import Evaluation, MacroScore, Score, ScoreIntervals, SettingScores

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
Format = Annotated[
    str | None, typer.Option(help="The format of the files; by default told from their content.")
]
Samples = Annotated[
    int,
    typer.Option(min=0, help="How often to draw the sentences anew for intervals; 0 for none."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Output = Annotated[Path | None, typer.Option(help="Write the scores to this file too, as JSON.")]


def evaluate_command(
    arguments: Arguments,
    *,
    predictions: Predictions = None,
    format: Format = None,
    samples: Samples = 1000,
    as_json: AsJson = False,
    output: Output = None,
) -> None:
    """Score entities and relations against an annotated corpus.

    dovetail evaluate MODEL CORPUS scores a model,
    dovetail evaluate --predictions FILE CORPUS what any system predicted.
    """
    model, corpus = _model_and_corpus(arguments, predictions)
    if output is not None and not output.parent.is_dir():  # better said before the work than after
        raise typer.BadParameter(f"there is no folder {output.parent}", param_hint="--output")

    from dovetail.corpora import read_corpus
    from dovetail.corpora.files import write_text
    from dovetail.document import TASKS
    from dovetail.evaluation import evaluate

    gold_corpus = read_corpus(corpus, format=format)
    gold = gold_corpus.sentences
    symmetric: frozenset[str] = frozenset()
    if predictions is None:
        from dovetail.extractor import Extractor

        extractor = Extractor.load(model)
        symmetric = extractor.schema.symmetric
        predicted: Sequence[Sentence] = extractor.annotate(gold)
    else:
        predicted = _predicted_in_file(predictions, format, gold)
    evaluation = evaluate(gold, predicted, symmetric=symmetric, bootstrap_samples=samples)

    unread = {task: gold_corpus.ledger[task].dropped for task in TASKS}
    scores = {**evaluation.to_dict(), "not_counted": unread}
    scores_as_json = json.dumps(scores, indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        write_text(output, scores_as_json)
    if as_json:
        sys.stdout.write(scores_as_json)
    else:
        _print(evaluation, unread)


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


def _predicted_in_file(
    path: Path, format: str | None, gold: Sequence[Sentence]
) -> Sequence[Sentence]:
    from dovetail.corpora import read_corpus
    from dovetail.evaluation import align

    return align(gold, read_corpus(path, format=format).sentences)


def _print(evaluation: Evaluation, unread: dict[str, int]) -> None:
    from rich.console import Console

    from dovetail.document import ENTITY_TASK, RELATION_TASK

    console = Console(highlight=False, markup=False)
    for title, strict, boundaries, sentences in (
        (
            "Entities",
            evaluation.entity_strict,
            evaluation.entity_boundaries,
            evaluation.entity_sentences,
        ),
        (
            "Relations",
            evaluation.relation_strict,
            evaluation.relation_boundaries,
            evaluation.relation_sentences,
        ),
    ):
        share = f"{sentences} of {evaluation.sentences} sentences annotated"
        console.print(f"{title}: {share}", style="bold")
        if sentences:
            console.print(_table(strict, boundaries))
    console.print(
        "In percent. Strict: borders and types right, both arguments' included.\n"
        "Boundaries: F1 if the types of entities are left out of account."
    )
    if intervals := evaluation.entity_strict.intervals:
        console.print(f"Intervals: strict F1 in {intervals.samples} draws of the sentences.")
    if any(unread.values()):
        console.print(
            f"Not counted: {unread[ENTITY_TASK]} entities and {unread[RELATION_TASK]} relations of "
            f"the corpus that no sentence can hold.\ndovetail inspect says which and why."
        )


def _table(strict: SettingScores, boundaries: SettingScores) -> Table:
    from rich import box
    from rich.table import Table

    intervals = strict.intervals
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("strict", overflow="fold")
    for heading in ("P", "R", "F1", *(["95 % interval"] if intervals else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("boundaries", justify="right", style="dim", no_wrap=True)
    table.add_column("support", justify="right", no_wrap=True)
    table.add_row(
        "micro",
        *_ratios(strict.micro, intervals.micro if intervals else None),
        _percent(boundaries.micro.f1),
        str(strict.micro.support),
    )
    table.add_row(
        f"macro of {strict.macro.types}",
        *_ratios(strict.macro, intervals.macro if intervals else None),
        _percent(boundaries.macro.f1),
        end_section=True,
    )
    for type_, score in strict.by_type.items():
        in_boundaries = boundaries.by_type.get(type_)  # bare spans have no types
        table.add_row(
            _plain(type_),
            *_ratios(score, intervals.by_type[type_] if intervals else None),
            "" if in_boundaries is None else _percent(in_boundaries.f1),
            str(score.support),
        )
    return table


def _ratios(score: Score | MacroScore, intervals: ScoreIntervals | None) -> list[str]:
    cells = [_percent(score.precision), _percent(score.recall), _percent(score.f1)]
    if intervals is not None:
        cells.append(f"{_percent(intervals.f1.low)} to {_percent(intervals.f1.high)}")
    return cells


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.1f}"


def _plain(type_: str) -> Text:
    from rich.text import Text

    from dovetail.rendering import shown

    return Text(shown(type_))
