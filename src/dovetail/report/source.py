"""What a report can be about, told from the folder that is given."""

from __future__ import annotations

from pathlib import Path

from dovetail.corpora import read_corpus
from dovetail.errors import TrainingError
from dovetail.evaluation import align
from dovetail.report.experiment import is_experiment, report_of_experiment
from dovetail.report.page import Made
from dovetail.report.render import page_of_experiment, page_of_predictions, page_of_run
from dovetail.report.run import report_of_run
from dovetail.report.scored import ScoredCorpus


def page_of(
    source: Path, made: Made, *, test: Path | None = None, predictions: Path | None = None
) -> str:
    """The page about the folder of a run or an experiment, or predictions on the corpus `source`.

    Raises:
        TrainingError: if the folder is neither, or has nothing to show yet.
        CorpusError, ModelError: if something that it needs cannot be read.
        MissingExtraError: if Jinja2 is not installed.
    """
    if predictions is not None:
        gold = read_corpus(source, expect_annotations=True).sentences
        found = align(gold, read_corpus(predictions).sentences)
        corpus = ScoredCorpus(str(predictions), gold, found)
        return page_of_predictions(predictions.name, corpus, made)
    if is_experiment(source):
        if test is not None:
            raise TrainingError(
                f"{source} is an experiment, whose plan says what it is tested on; --test is for "
                f"the run of one cell, such as {source}/cells/CONFIG/FOLD/seed1"
            )
        return page_of_experiment(report_of_experiment(source), made)
    if is_run(source):
        return page_of_run(report_of_run(source, test=test), made)
    raise TrainingError(_unknown(source))


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
