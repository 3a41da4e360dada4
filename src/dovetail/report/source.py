"""The subject of a report, recognised from the folder that is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.evaluation import align_documents
from dovetail.report.experiment_report import is_experiment, report_of_experiment
from dovetail.report.false_alarms import AskedNegatives
from dovetail.report.page import Made
from dovetail.report.render import (
    page_of_corpora,
    page_of_experiment,
    page_of_predictions,
    page_of_run,
)
from dovetail.report.run_report import NONE_ASKED, ReadAs, as_it_is, reports_of_run
from dovetail.report.scored import ScoredCorpus
from dovetail.running.steps import SILENT, Teller
from dovetail.text.reading import Reading

SCORING = "scoring, and drawing the page"


@dataclass(frozen=True)
class OfRun:
    """What a report on a run is of beside its dev sentences.

    That is a test corpus; one of its corpora; sentences without a relation.
    """

    test: Path | None = None
    corpus: str | None = None
    negatives: AskedNegatives = NONE_ASKED


DEV_ALONE = OfRun()


def page_of(
    source: Path,
    made: Made,
    *,
    of_run: OfRun = DEV_ALONE,
    predictions: Path | None = None,
    read_as: ReadAs = as_it_is,
    tell: Teller = SILENT,
) -> str:
    """The page about the folder of a run or an experiment, or predictions on the corpus `source`.

    `read_as` changes how a corpus is read that scores are made on here.

    Raises:
        TrainingError: if the folder is neither, or has nothing to show yet.
        CorpusError, ModelError: if something that it needs cannot be read.
        MissingExtraError: if Jinja2 is not installed.
    """
    if predictions is not None:
        corpus = scored_predictions(source, predictions, read_as(Reading()), tell)
        tell.stage(SCORING)
        known = replace(corpus, share=of_run.negatives.share)
        return page_of_predictions(predictions.name, known, made)
    if is_experiment(source):
        if of_run != DEV_ALONE:
            raise TrainingError(
                f"{source} is an experiment, whose plan says what it is tested on; --test, "
                f"--corpus and --negatives are for the run of one cell, such as "
                f"{source}/cells/CONFIG/FOLD/seed1"
            )
        tell.stage("reading the results")
        return page_of_experiment(report_of_experiment(source), made)
    if is_run(source):
        reports = reports_of_run(
            source,
            test=of_run.test,
            corpus=of_run.corpus,
            negatives=of_run.negatives,
            read_as=read_as,
            tell=tell,
        )
        tell.stage(SCORING)
        return (
            page_of_run(reports[0], made) if len(reports) == 1 else page_of_corpora(reports, made)
        )
    raise TrainingError(_unknown(source))


def scored_predictions(
    source: Path, predictions: Path, reading: Reading, tell: Teller
) -> ScoredCorpus:
    """The predictions of a file beside the annotations of a corpus."""
    tell.stage(f"reading {source} and {predictions}")
    gold = read_corpus(source, reading=reading, expect_annotations=True)
    again = replace(reading, language=reading.language or gold.language)
    found = read_corpus(predictions, reading=again)
    aligned = align_documents(gold.documents, found.documents)
    return ScoredCorpus(str(predictions), gold.sentences, aligned)


def is_run(folder: Path) -> bool:
    """Whether `dovetail train` has been at work in it."""
    return (folder / "config.toml").is_file() and not (folder / "model.json").is_file()


def _unknown(source: Path) -> str:
    expected = (
        "expected the folder of a run, such as runs/NAME, as `dovetail train` leaves it, or of an "
        "experiment"
    )
    if not source.exists():
        return f"there is no {source}; {expected}"
    if source.is_file():
        return (
            f"{source} is a file; {expected}. For a corpus that predictions were made for, name "
            f"these: `dovetail report {source} --predictions FILE`"
        )
    if (source / "model.json").is_file():
        return (
            f"{source} is a model, which does not know its dev sentences; {expected}. To score a "
            f"model on a corpus: `dovetail evaluate {source} CORPUS`"
        )
    return f"{source} is neither a run nor an experiment; {expected}"
