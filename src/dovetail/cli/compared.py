"""What `dovetail evaluate` compares: gold annotations with those of a model or of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from dovetail.cli.negatives_options import NegativesOptions
from dovetail.cli.reading_options import ReadingOptions
from dovetail.cli.waiting import Waiting, being_read
from dovetail.errors import ModelError
from dovetail.text.reading import Reading

if TYPE_CHECKING:
    from dovetail.cli.evaluate_display import BesideScores
    from dovetail.corpora import Corpus
    from dovetail.evaluation import Evaluation, SettingScores
    from dovetail.extractor import Extractor
    from dovetail.report.false_alarms import Alarms, InNegatives
    from dovetail.text.document import Sentence
    from dovetail.text.schema import Schema


@dataclass(frozen=True, slots=True)
class Compared:
    """Gold and predictions; `unknown` has, by task, the types of the gold that a model lacks.

    `related` are the predictions given the gold entities, and `negatives` what was found in
    sentences without a relation, if they were asked for.
    """

    gold: Corpus
    predicted: Sequence[Sentence]
    symmetric: frozenset[str] = frozenset()
    unknown: Mapping[str, list[str]] = field(default_factory=dict)
    related: Sequence[Sentence] | None = None
    negatives: InNegatives | None = None

    def evaluation(self, undirected: list[str], samples: int) -> Evaluation:
        """The scores; the direction of the relations that are named does not count."""
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

    def alarms(self, evaluation: Evaluation, share: float | None) -> Alarms:
        """The false alarms beside the scores.

        Raises:
            CorpusError: if scores at the share cannot be reckoned.
        """
        from dovetail.report.false_alarms import Alarms

        return Alarms.of(evaluation, self.negatives, share)

    def write_alarms(self, path: Path | None) -> None:
        """Write the sentences with false alarms, if a file is named and there were any to ask of.

        Raises:
            OutputError: if it cannot be written.
        """
        from dovetail.files.writing import write_text

        if path is not None and self.negatives is not None:
            write_text(path, self.negatives.lines())

    def beside(self, warnings: Sequence[str] = ()) -> BesideScores:
        """Remarks that belong to the scores, these warnings among them."""
        from dovetail.cli.evaluate_display import BesideScores
        from dovetail.text.document import TASKS

        return BesideScores(
            not_counted={task: self.gold.ledger[task].dropped for task in TASKS},
            unaligned={task: _unaligned(self.gold.sentences, task) for task in TASKS},
            unknown_to_model={task: self.unknown.get(task, []) for task in TASKS},
            warnings=(*self.gold.warnings, *warnings),
        )


class ModelOf(NamedTuple):
    """The model that is scored, and the schema that the corpus is annotated in, if it has one.

    It may be asked for relations between the gold entities besides, and for those that it finds
    where there are none.
    """

    model: str
    schema: str | None
    gold_entities: bool = False
    negatives: NegativesOptions = NegativesOptions()

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


def compare_model(
    model: ModelOf, corpus: Path, format: str | None, reading: ReadingOptions, tell: Waiting
) -> Compared:
    """What a model finds in a corpus, beside the gold.

    Raises:
        ModelError: if there is no such model, or it has no such schema.
        CorpusError: if the corpus cannot be read.
    """
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
    in_negatives = model.negatives.asked.found_by(extractor, read_as, tell)
    unknown = _unknown_types(gold.sentences, extractor.schema)
    return Compared(gold, found, extractor.schema.symmetric, unknown, related, in_negatives)


def compare_file(
    predictions: Path, corpus: Path, format: str | None, reading: ReadingOptions, tell: Waiting
) -> Compared:
    """What a file says of the texts of a corpus, beside the gold.

    Raises:
        CorpusError: if one of them cannot be read, or they do not go together.
    """
    from dovetail.corpora import read_corpus
    from dovetail.evaluation import align_documents

    read_as = reading.over(Reading())
    tell.stage(being_read(corpus))
    gold = read_corpus(corpus, format=format, reading=read_as, expect_annotations=True)
    same = replace(read_as, language=read_as.language or gold.language)
    tell.stage(being_read(predictions))
    found = read_corpus(predictions, format=format, reading=same)
    return Compared(gold, align_documents(gold.documents, found.documents))


def _symmetric_types(named: list[str], compared: Compared) -> frozenset[str]:
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
