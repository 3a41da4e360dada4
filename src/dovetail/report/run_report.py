"""A run folder, read: its model is run on its dev sentences, and on those of a test file if named.

The test file is scored and nothing else; its errors are not looked at, for who looks at them begins
to choose by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from dovetail.config import Config, dump_config, load_config
from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.extractor import Extractor
from dovetail.report.config_summary import config_summary
from dovetail.report.curves import Curves, read_curves
from dovetail.report.false_alarms import AskedNegatives
from dovetail.report.run_notes import changed_data, left_out_of, warnings_of
from dovetail.report.scored import ScoredCorpus
from dovetail.report.sizes import Parameters, SplitCounts, counts_of
from dovetail.report.telling import Weighed
from dovetail.running.steps import SILENT, Teller, result_of
from dovetail.saved.ensemble_folder import SavedPredictor, load_predictor
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading import Reading
from dovetail.threads import use_threads
from dovetail.training.job import Job
from dovetail.training.learned_corpora import LearnedCorpus
from dovetail.training.pools import FileAccount
from dovetail.training.run_folder import RunFolder
from dovetail.training.selection import with_thresholds

CONSIDERED = 0.05
"""The probability from which a relation counts as one that the model considered."""


NONE_ASKED = AskedNegatives()


@dataclass(frozen=True)
class RunReport:
    """All that a page says of a run; `dev` is None for a run without dev sentences.

    Of a run of several corpora it is on the one that `corpus` names.
    """

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
    corpus: str = ONLY

    @property
    def training_sentences(self) -> int:
        """How many sentences of the corpus are learned from."""
        return sum(own.sentences for own in self.counts if own.name not in ("dev", "test"))


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
    """Read a run on one corpus, as `reports_of_run` does.

    Raises:
        TrainingError: as that does, or if there are several corpora and none is named.
    """
    first, *others = reports_of_run(path, test=test, corpus=corpus, read_as=read_as, tell=tell)
    if others:
        listed = ", ".join(own.corpus for own in (first, *others))
        raise TrainingError(f"expected the name of one of the corpora of the run: {listed}")
    return first


def reports_of_run(
    path: Path,
    *,
    test: Path | None = None,
    corpus: str | None = None,
    negatives: AskedNegatives = NONE_ASKED,
    read_as: ReadAs = as_it_is,
    tell: Teller = SILENT,
) -> list[RunReport]:
    """Read a run, annotate the dev sentences of its corpora, and score them.

    Args:
        path: the folder of the run.
        test: a corpus that is scored too.
        corpus: the name of the corpus that is reported on; all of several unless one is named.
        negatives: sentences without a relation, of which false alarms are told.
        read_as: a change of how `test` is read.
        tell: told what is done.

    Raises:
        TrainingError: if the run has no model yet, or no such corpus, or if `test` could be of
            several.
        ModelError, CorpusError: if the model or a corpus cannot be read.
    """
    folder = RunFolder(path)
    refuse_unfinished(folder)
    tell.stage("loading the model")
    saved = load_predictor(folder.model)
    tell.stage("reading the corpora")
    job = Job.of_run(saved.config or load_config(folder.config))
    chosen = corpora_of(job, corpus)
    if test is not None and len(chosen) > 1:
        raise TrainingError(
            f"{test} is a test corpus of one of {', '.join(own.name for own in chosen)}: say of "
            f"which by --corpus"
        )
    sources = RunSources(folder, saved, job, negatives)
    return [
        sources.report_on(own, test=test, read_as=read_as, named=corpus is not None, tell=tell)
        for own in chosen
    ]


@dataclass(frozen=True)
class RunSources:
    """What reports on the corpora of a run have in common."""

    folder: RunFolder
    saved: SavedPredictor
    job: Job
    negatives: AskedNegatives = NONE_ASKED

    @cached_property
    def parameters(self) -> Parameters:
        """The sizes of the model."""
        return Parameters.of(self.saved.model)

    @cached_property
    def changed(self) -> list[str]:
        """A warning if the corpora have changed."""
        return changed_data(self.folder, self.job.splits)

    def report_on(
        self,
        corpus: LearnedCorpus,
        *,
        test: Path | None,
        read_as: ReadAs,
        named: bool,
        tell: Teller,
    ) -> RunReport:
        """The report on one corpus, which is part of its name if it was asked for by name."""
        config, splits = self.job.config, corpus.splits
        extractor = extractor_of(self.saved, corpus.schema)
        tested = None
        files = sorted(splits.files, key=lambda own: own.split == "dev")  # those learned from first
        if test is not None:
            tested, read = scored_test(extractor, corpus.config, test, read_as, tell)
            files.append(read)
        source, written = dev_source(corpus.config), self.folder.model.stat().st_mtime
        dev = scored(extractor, splits.dev, source, tell) if splits.dev else None
        in_negatives = self.negatives.found_by(extractor, read_as(corpus.config.data.reading), tell)
        dev, tested = (
            own and replace(own, negatives=in_negatives, share=self.negatives.share)
            for own in (dev, tested)
        )
        return RunReport(
            name=config.name + (f", {corpus.name}" if named else ""),
            folder=str(self.folder.path),
            trained=datetime.fromtimestamp(written, UTC).astimezone(),
            summary=config_summary(config),
            config_text=dump_config(config),
            parameters=self.parameters,
            counts=counts_of(splits, tested),
            thresholds=extractor.thresholds,
            files=files,
            left_out=left_out_of(self.folder),
            warnings=(*warnings_of(splits, config.reading), *self.changed),
            curves=read_curves(self.folder.metrics, corpus.name, corpus.schema),
            dev=dev,
            test=tested,
            corpus=corpus.name,
        )


def scored_test(
    extractor: Extractor, config: Config, test: Path, read_as: ReadAs, tell: Teller
) -> tuple[ScoredCorpus, FileAccount]:
    """Score a test corpus, and the account of reading it."""
    reading = read_as(config.data.reading)
    read = read_corpus(test, format=config.data.format, reading=reading, expect_annotations=True)
    found = scored(extractor, read.sentences, str(test), tell)
    return found, FileAccount(str(test), "test", read.ledger)


def refuse_unfinished(folder: RunFolder) -> None:
    """Raise `TrainingError` if a run has no model yet."""
    if not folder.model.is_dir():
        raise TrainingError(
            f"{folder.path} has no model yet: the run was stopped before it saved one, or goes on "
            f"still. Wait for it, or go on with `dovetail train {folder.config} --resume`"
        )


def corpora_of(job: Job, name: str | None) -> tuple[LearnedCorpus, ...]:
    """The corpora of a run that a report is on: all, or the one that is named.

    Raises:
        TrainingError: if there is none of the name.
    """
    if name is None:
        return job.corpora
    named = {corpus.name: corpus for corpus in job.corpora}
    if name not in named:
        listed = ", ".join(filter(None, named)) or "one, without a name: leave --corpus out"
        raise TrainingError(f"the run has no corpus {name!r}; it has {listed}")
    return (named[name],)


def extractor_of(saved: SavedPredictor, schema: str) -> Extractor:
    """The predictor that users run, as `Extractor.load` makes it from the same folder."""
    use_threads(0)
    saved.model.use_fast_precision()
    extractor = Extractor(saved.model, reading=saved.reading)
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
