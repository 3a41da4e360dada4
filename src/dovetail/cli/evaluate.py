"""`dovetail evaluate`: score a model, or predictions made elsewhere, on an annotated corpus."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dovetail.corpora import Corpus
    from dovetail.document import Sentence
    from dovetail.evaluation import Evaluation, MacroScore, Score, ScoreIntervals, SettingScores
    from dovetail.schema import Schema

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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Output = Annotated[Path | None, typer.Option(help="Write the scores to this file too, as JSON.")]


def evaluate_command(
    arguments: Arguments,
    *,
    predictions: Predictions = None,
    format: Format = None,
    symmetric: Symmetric = None,
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

    from dovetail.corpora.files import write_text
    from dovetail.document import TASKS
    from dovetail.evaluation import evaluate

    compared = (
        _compare_model(model, corpus, format)
        if predictions is None
        else _compare_file(predictions, corpus, format)
    )
    undirected = compared.symmetric | _symmetric_types(symmetric or [], compared)
    evaluation = evaluate(
        compared.gold.sentences,
        compared.predicted,
        symmetric=undirected,
        bootstrap_samples=samples,
    )
    unread = {task: compared.gold.ledger[task].dropped for task in TASKS}
    unknown = {task: compared.unknown.get(task, []) for task in TASKS}
    scores = {**evaluation.to_dict(), "not_counted": unread, "unknown_to_model": unknown}
    scores_as_json = json.dumps(scores, indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        write_text(output, scores_as_json)
    if as_json:
        sys.stdout.write(scores_as_json)
    else:
        _print(evaluation, unread, unknown)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Gold and predictions; `unknown` has, by task, the types of the gold that a model lacks."""

    gold: Corpus
    predicted: Sequence[Sentence]
    symmetric: frozenset[str] = frozenset()
    unknown: Mapping[str, list[str]] = field(default_factory=dict)


def _compare_model(model: str, corpus: Path, format: str | None) -> _Compared:
    from dovetail.corpora import read_corpus
    from dovetail.extractor import Extractor

    extractor = Extractor.load(model)
    language = extractor.tokenizer.language
    gold = read_corpus(corpus, format=format, language=language, expect_annotations=True)
    predicted = extractor.annotate(gold.sentences)
    unknown = _unknown_types(gold.sentences, extractor.schema)
    return _Compared(gold, predicted, extractor.schema.symmetric, unknown)


def _compare_file(predictions: Path, corpus: Path, format: str | None) -> _Compared:
    from dovetail.corpora import read_corpus
    from dovetail.evaluation import align

    gold = read_corpus(corpus, format=format, expect_annotations=True)
    found = read_corpus(predictions, format=format)
    return _Compared(gold, align(gold.sentences, found.sentences))


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


def _symmetric_types(named: list[str], compared: _Compared) -> frozenset[str]:
    """The types that the option names, each of which must occur.

    Raises:
        typer.BadParameter: if one does not.
    """
    sentences = (*compared.gold.sentences, *compared.predicted)
    occurring = {relation.type for sentence in sentences for relation in sentence.relations}
    for type_ in named:
        if type_ not in occurring:
            raise typer.BadParameter(
                f"no relation is of the type {type_!r}; the types are {sorted(occurring)}",
                param_hint="--symmetric",
            )
    return frozenset(named)


def _unknown_types(gold: Sequence[Sentence], schema: Schema) -> dict[str, list[str]]:
    """For each task the types of the corpus that the model cannot say, sorted by name."""
    from dovetail.document import ENTITY_TASK, RELATION_TASK

    entities = {entity.type for sentence in gold for entity in sentence.entities}
    relations = {relation.type for sentence in gold for relation in sentence.relations}
    return {
        ENTITY_TASK: sorted(entities.difference(schema.entity_types)),
        RELATION_TASK: sorted(relations.difference(schema.relation_types)),
    }


def _print(evaluation: Evaluation, unread: dict[str, int], unknown: dict[str, list[str]]) -> None:
    from rich.console import Console

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
            _print_whole(console, _table(strict, boundaries))
    console.print(
        "In percent. Strict: borders and types right, both arguments' included.\n"
        "Boundaries: F1 if the types of entities are left out of account."
    )
    if intervals := evaluation.entity_strict.intervals:
        console.print(f"Intervals: strict F1 in {intervals.samples} draws of the sentences.")
    _print_what_is_left_out(console, unread, unknown)


def _print_what_is_left_out(
    console: Console, unread: dict[str, int], unknown: dict[str, list[str]]
) -> None:
    from dovetail.document import ENTITY_TASK, RELATION_TASK
    from dovetail.rendering import shown

    for task, types in unknown.items():
        if types:
            console.print(
                f"The model does not know these {task} types, so each of them counts as missed: "
                f"{shown(', '.join(types))}",
                style="yellow",
            )
    if any(unread.values()):
        console.print(
            f"Not counted: {unread[ENTITY_TASK]} entities and {unread[RELATION_TASK]} relations of "
            f"the corpus that no sentence can hold.\ndovetail inspect says which and why."
        )


def _print_whole(console: Console, table: Table) -> None:
    """Print a table with all its numbers: a terminal that is too narrow for it breaks its lines."""
    width = console.width
    unlimited = console.options.update(width=100_000)
    console.width = max(width, console.measure(table, options=unlimited).minimum)
    console.print(table)
    console.width = width


def _table(strict: SettingScores, boundaries: SettingScores) -> Table:
    from rich import box
    from rich.table import Table

    intervals = strict.intervals
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("strict", overflow="fold", min_width=12)
    for heading in ("P", "R", "F1"):
        table.add_column(heading, justify="right", no_wrap=True)
    if intervals:
        widest = len("100.0 to 100.0")  # rich takes the longest word alone for what is needed
        table.add_column("95 % interval", justify="right", no_wrap=True, min_width=widest)
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
