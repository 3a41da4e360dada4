"""`dovetail evaluate`: score a model, or predictions made elsewhere, on an annotated corpus."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dovetail.cli.output_checks import check_output
from dovetail.cli.reading_options import ReadingOptions, reads_corpora
from dovetail.cli.say import say_json
from dovetail.cli.waiting import Waiting, being_read
from dovetail.errors import ModelError
from dovetail.text.reading import Reading

if TYPE_CHECKING:
    from dovetail.cli.evaluate_display import BesideScores
    from dovetail.corpora import Corpus
    from dovetail.evaluation import Evaluation, SettingScores
    from dovetail.extractor import Extractor
    from dovetail.text.document import Sentence
    from dovetail.text.schema import Schema

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
Output = Annotated[Path | None, typer.Option(help="Write the scores to this file too, as JSON.")]


@reads_corpora
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
    reading: ReadingOptions,
) -> None:
    """Score entities and relations against an annotated corpus.

    dovetail evaluate MODEL CORPUS scores a model.

    dovetail evaluate --predictions FILE CORPUS scores the predictions of any system.
    """
    model, corpus = _model_and_corpus(arguments, predictions)
    if schema is not None and predictions is not None:
        raise typer.BadParameter("predictions are of one schema", param_hint="--schema")
    if gold_entities and predictions is not None:
        raise typer.BadParameter(
            "predictions of a file are there already; only a model can be given other entities",
            param_hint="--gold-entities",
        )
    check_output(output, corpus, predictions)

    from dovetail.cli.evaluate_display import show
    from dovetail.evaluation.scores import GIVEN_ENTITIES
    from dovetail.files.writing import write_text

    with Waiting() as tell:
        compared = (
            _compare_model(ModelOf(model, schema, gold_entities), corpus, format, reading, tell)
            if predictions is None
            else _compare_file(predictions, corpus, format, reading, tell)
        )
        tell.stage("scoring" + " and drawing sentences for intervals" * bool(samples))
        evaluation = compared.evaluation(symmetric or [], samples)
        given = compared.given_entities(symmetric or [], samples)
    beside = compared.beside()
    scores = {**evaluation.to_dict(), **asdict(beside)}
    if given is not None:
        scores["relation"][GIVEN_ENTITIES] = given.to_dict()
    scores_as_json = json.dumps(scores, indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        write_text(output, scores_as_json)
    if as_json:
        say_json(scores_as_json.rstrip())
    else:
        show(evaluation, beside, given)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Gold and predictions; `unknown` has, by task, the types of the gold that a model lacks.

    `related` are the predictions given the gold entities, if they were asked for.
    """

    gold: Corpus
    predicted: Sequence[Sentence]
    symmetric: frozenset[str] = frozenset()
    unknown: Mapping[str, list[str]] = field(default_factory=dict)
    related: Sequence[Sentence] | None = None

    def evaluation(self, undirected: list[str], samples: int) -> Evaluation:
        from dovetail.evaluation import evaluate

        return evaluate(
            self.gold.sentences,
            self.predicted,
            symmetric=self.symmetric | _symmetric_types(undirected, self),
            bootstrap_samples=samples,
        )

    def given_entities(self, undirected: list[str], samples: int) -> SettingScores | None:
        """The strict scores of relations given the gold entities, if they were asked for."""
        if self.related is None:
            return None
        return replace(self, predicted=self.related).evaluation(undirected, samples).relation_strict

    def beside(self) -> BesideScores:
        """Remarks that belong to the scores."""
        from dovetail.cli.evaluate_display import BesideScores
        from dovetail.text.document import TASKS

        return BesideScores(
            not_counted={task: self.gold.ledger[task].dropped for task in TASKS},
            unaligned={task: _unaligned(self.gold.sentences, task) for task in TASKS},
            unknown_to_model={task: self.unknown.get(task, []) for task in TASKS},
            warnings=self.gold.warnings,
        )


class ModelOf(NamedTuple):
    """The model that is scored, and the schema that the corpus is annotated in, if it has one.

    It may be asked for relations between the gold entities besides.
    """

    model: str
    schema: str | None
    gold_entities: bool = False

    def load(self) -> Extractor:
        """The extractor of the schema.

        Raises:
            ModelError: if there is no such model, or it has no such schema.
        """
        from dovetail.extractor import Extractor

        extractor = Extractor.load(self.model)
        if self.schema is not None:
            return extractor.of_schema(self.schema)
        if extractor.schemas:
            raise ModelError(
                f"{self.model} has the schemas {', '.join(extractor.schemas)}: name the one that "
                f"the corpus is annotated in by --schema"
            )
        return extractor


def _compare_model(
    model: ModelOf, corpus: Path, format: str | None, reading: ReadingOptions, tell: Waiting
) -> _Compared:
    tell.stage(f"loading the model {model.model}")
    from dovetail.corpora import read_corpus
    from dovetail.running.steps import result_of

    extractor = model.load()
    tell.stage(being_read(corpus))
    read_as = reading.over(extractor.reading.of_corpora)
    gold = read_corpus(corpus, format=format, reading=read_as, expect_annotations=True)
    tell.stage(f"annotating {len(gold.sentences):,} sentences")
    found = result_of(extractor.annotating(gold.sentences), tell.progress)
    related = None
    if model.gold_entities:
        tell.stage("relating the gold entities")
        related = result_of(
            extractor.annotating(gold.sentences, given_entities=True), tell.progress
        )
    unknown = _unknown_types(gold.sentences, extractor.schema)
    return _Compared(gold, found, extractor.schema.symmetric, unknown, related)


def _compare_file(
    predictions: Path, corpus: Path, format: str | None, reading: ReadingOptions, tell: Waiting
) -> _Compared:
    from dovetail.corpora import read_corpus
    from dovetail.evaluation import align_documents

    read_as = reading.over(Reading())
    tell.stage(being_read(corpus))
    gold = read_corpus(corpus, format=format, reading=read_as, expect_annotations=True)
    same = replace(read_as, language=read_as.language or gold.language)
    tell.stage(being_read(predictions))
    found = read_corpus(predictions, format=format, reading=same)
    return _Compared(gold, align_documents(gold.documents, found.documents))


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


def _unaligned(gold: Sequence[Sentence], task: str) -> dict[str, int]:
    """How many annotations no tokens express, by reason: they count as missed."""
    reasons = (item.reason for sentence in gold for item in sentence.unaligned_for(task))
    return dict(Counter(reasons).most_common())


def _unknown_types(gold: Sequence[Sentence], schema: Schema) -> dict[str, list[str]]:
    """For each task the types of the corpus that the model cannot say, sorted by name."""
    from dovetail.text.document import ENTITY_TASK, RELATION_TASK

    entities = {entity.type for sentence in gold for entity in sentence.entities}
    relations = {relation.type for sentence in gold for relation in sentence.relations}
    for sentence in gold:
        entities.update(item.type for item in sentence.unaligned_for(ENTITY_TASK))
        relations.update(item.type for item in sentence.unaligned_for(RELATION_TASK))
    return {
        ENTITY_TASK: sorted(entities.difference(schema.entity_types)),
        RELATION_TASK: sorted(relations.difference(schema.relation_types)),
    }
