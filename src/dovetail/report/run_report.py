"""A run folder, read: its model is run on its dev sentences, and on those of a test file if named.

The test file is scored and nothing else; its errors are not looked at, for who looks at them begins
to choose by them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dovetail.config import Config, dump_config
from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.extractor import Extractor
from dovetail.model.joint import JointModel
from dovetail.report.config_summary import config_summary
from dovetail.report.curves import Curves, read_curves
from dovetail.report.scored import ScoredCorpus
from dovetail.report.telling import Weighed
from dovetail.running.steps import SILENT, Teller, result_of
from dovetail.saved.model_folder import SavedModel, load_model
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence
from dovetail.text.reading import ModelReading, Reading
from dovetail.threads import use_threads
from dovetail.training.checkpoint import FILE, Checkpoint
from dovetail.training.job import Job
from dovetail.training.learned_corpora import LearnedCorpus
from dovetail.training.long_sentences import accounts_of_windows
from dovetail.training.pools import FileAccount, Splits
from dovetail.training.run_folder import RunFolder
from dovetail.training.selection import with_thresholds

CONSIDERED = 0.05
"""The probability from which a relation counts as one that the model considered."""


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much a split holds; the last two count the sentences that are annotated for a task."""

    name: str
    sentences: int
    entities: int
    relations: int
    entity_sentences: int
    relation_sentences: int

    @classmethod
    def of(cls, name: str, sentences: Sequence[Sentence]) -> SplitCounts:
        """Count."""
        return cls(
            name,
            len(sentences),
            sum(len(sentence.entities) for sentence in sentences),
            sum(len(sentence.relations) for sentence in sentences),
            sum(ENTITY_TASK in sentence.annotated for sentence in sentences),
            sum(RELATION_TASK in sentence.annotated for sentence in sentences),
        )


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a model: changed in training, held by the saved model, and all together."""

    trainable: int
    stored: int
    total: int

    @classmethod
    def of(cls, model: JointModel) -> Parameters:
        """Count."""
        return cls(
            sum(parameter.numel() for _, parameter in model.trainable_parameters()),
            sum(tensor.numel() for tensor in model.stored_state().values()),
            sum(parameter.numel() for parameter in model.parameters()),
        )


@dataclass(frozen=True)
class RunReport:
    """All that a page says of a run; `dev` is None for a run without dev sentences."""

    name: str
    folder: str
    trained: datetime
    summary: Sequence[tuple[str, str]]
    config_text: str
    parameters: Parameters
    counts: Sequence[SplitCounts]
    thresholds: dict[str, float]
    files: Sequence[FileAccount]
    left_out: Sequence[tuple[str, int]]
    warnings: Sequence[str]
    curves: Curves | None
    dev: ScoredCorpus | None
    test: ScoredCorpus | None


ReadAs = Callable[[Reading], Reading]
"""A change of how a corpus is read."""


def as_it_is(reading: Reading) -> Reading:
    """Change nothing."""
    return reading


def report_of_run(
    path: Path,
    *,
    test: Path | None = None,
    corpus: str | None = None,
    read_as: ReadAs = as_it_is,
    tell: Teller = SILENT,
) -> RunReport:
    """Read a run, annotate its dev sentences, and score them; `read_as` is for those of `test`.

    Of a run of several corpora, `corpus` names the one that the report is on.

    Raises:
        TrainingError: if the run has no model yet, or no such corpus.
        ModelError, CorpusError: if the model or a corpus cannot be read.
    """
    folder = RunFolder(path)
    refuse_unfinished(folder)
    tell.stage("loading the model")
    saved = load_model(folder.model)
    tell.stage("reading the corpora")
    job = Job.of_run(saved.config)
    chosen = corpus_of(job, corpus)
    splits, data = chosen.splits, chosen.config.data
    extractor = extractor_of(saved, chosen.schema)
    tested = None
    files = sorted(splits.files, key=lambda own: own.split == "dev")  # those learned from first
    if test is not None:
        read_test = read_as(data.reading)
        read = read_corpus(test, format=data.format, reading=read_test, expect_annotations=True)
        tested = scored(extractor, read.sentences, str(test), tell)
        files.append(FileAccount(str(test), "test", read.ledger))
    return RunReport(
        name=saved.config.name + (f", {chosen.name}" if chosen.name else ""),
        folder=str(path),
        trained=datetime.fromtimestamp(folder.model.stat().st_mtime, UTC).astimezone(),
        summary=config_summary(saved.config),
        config_text=dump_config(saved.config),
        parameters=Parameters.of(saved.model),
        counts=counts_of(splits, tested),
        thresholds=extractor.thresholds,
        files=files,
        left_out=left_out_of(folder),
        warnings=(*warnings_of(splits, saved.config.reading), *changed_data(folder, job.splits)),
        curves=read_curves(folder.metrics, chosen.name),
        dev=scored(extractor, splits.dev, dev_source(chosen.config), tell) if splits.dev else None,
        test=tested,
    )


def refuse_unfinished(folder: RunFolder) -> None:
    """Raise `TrainingError` if a run has no model yet."""
    if not folder.model.is_dir():
        raise TrainingError(
            f"{folder.path} has no model yet: the run was stopped before it saved one, or goes on "
            f"still. Wait for it, or go on with `dovetail train {folder.config} --resume`"
        )


def corpus_of(job: Job, name: str | None) -> LearnedCorpus:
    """The corpus of a run that a report is on.

    Raises:
        TrainingError: if there is none of the name, or there are several and none is named.
    """
    named = {corpus.name: corpus for corpus in job.corpora}
    if name is None and len(named) == 1:
        return job.corpora[0]
    if name not in named:
        listed = ", ".join(filter(None, named)) or "one, without a name"
        raise TrainingError(
            f"a report is on one corpus, and the run has {listed}; name one of several by --corpus"
        )
    return named[name]


def extractor_of(saved: SavedModel, schema: str) -> Extractor:
    """The predictor that users run, as `Extractor.load` makes it from the same folder."""
    use_threads(0)
    saved.model.use_fast_precision()
    extractor = Extractor(saved.model, reading=saved.config.reading)
    return extractor.of_schema(schema) if schema else extractor


def scored(
    extractor: Extractor, gold: Sequence[Sentence], source: str, tell: Teller = SILENT
) -> ScoredCorpus:
    """Annotate sentences with all relations that the model gives any probability.

    Of these its thresholds let through what it predicts.
    """
    head = extractor.model.of_schema(extractor.chosen).relation_head
    if head is None:
        tell.stage(f"annotating {len(gold):,} sentences of {source}")
        found = result_of(extractor.annotating(gold), tell.progress)
        return ScoredCorpus(source, gold, found, extractor.schema.symmetric)
    in_force = head.known_thresholds
    lowest = [min(own, CONSIDERED) for own in in_force]
    tell.stage(f"annotating {len(gold):,} sentences of {source}")
    head.set_thresholds(lowest)
    try:
        found = result_of(extractor.annotating(gold), tell.progress)
    finally:
        head.set_thresholds(in_force)
    schema = extractor.schema
    predicted = with_thresholds(found, dict(zip(schema.relation_types, in_force, strict=True)))
    considered = with_thresholds(found, dict.fromkeys(schema.relation_types, CONSIDERED))
    weighed = Weighed(considered, CONSIDERED)
    return ScoredCorpus(source, gold, predicted, schema.symmetric, weighed)


def dev_source(config: Config) -> str:
    """Where the dev sentences come from, in words."""
    data = config.data
    if data.dev:
        return ", ".join(map(str, data.dev))
    return f"{data.dev_fraction:.0%} of {', '.join(map(str, data.train))}, set apart at random"


def counts_of(splits: Splits, test: ScoredCorpus | None) -> list[SplitCounts]:
    """The sizes of all splits that are not empty."""
    named = {
        **{pool.name: pool.sentences for pool in splits.pools},
        "dev": splits.dev,
        "test": test.gold if test else (),
    }
    return [SplitCounts.of(name, sentences) for name, sentences in named.items() if sentences]


def left_out_of(folder: RunFolder) -> list[tuple[str, int]]:
    """Why, and how many, sentences of pools are not learned from."""
    if not folder.left_out.is_file():
        return []
    rows = map(json.loads, folder.left_out.read_text(encoding="utf-8").splitlines())
    return Counter(f"{row['field']}: {row['reason']}" for row in rows).most_common()


def warnings_of(splits: Splits, reading: ModelReading) -> tuple[str, ...]:
    """Warnings of what makes scores, or the model, less than they seem."""
    of_windows, _ = accounts_of_windows(splits, reading)
    return (*splits.warnings, *of_windows)


def changed_data(folder: RunFolder, splits: Splits) -> list[str]:
    """A warning if the corpora are not those that the run was trained on."""
    if not (folder.checkpoint / FILE).is_file():
        return []
    if Checkpoint.load(folder.checkpoint).data_digest == splits.digest:
        return []
    return [
        "The corpora are not those that the run was trained on: a file has changed since. What is "
        "said here of dev sentences is true of the files as they are now."
    ]
