"""The sentences to calibrate on: annotated ones that nothing was learned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dovetail.config import Config
from dovetail.corpora import read_corpus
from dovetail.errors import CorpusError, ModelError
from dovetail.report.run_report import ReadAs
from dovetail.saved.ensemble_folder import SavedPredictor
from dovetail.text.document import Sentence
from dovetail.text.wording import wording, wordings
from dovetail.training.job import Job

MOST_KNOWN = 0.5
"""Share of the sentences that may be training sentences, which are left out; beyond it, somebody
took the wrong file."""


@dataclass(frozen=True)
class Apart:
    """Sentences that nothing was learned from; notes say what was left out, or not known."""

    sentences: tuple[Sentence, ...]
    source: str
    notes: tuple[str, ...] = ()


def of_files(paths: Sequence[Path], configs: Sequence[Config], read_as: ReadAs) -> Apart:
    """The sentences of corpora, without those that the model learned from, as far as that is known.

    Args:
        paths: the corpora.
        configs: of the models that have a say, which name what they learned from.
        read_as: a change of how they are read.

    Raises:
        ModelError: if most of them are training sentences.
        CorpusError: if a corpus cannot be read, or is not annotated.
    """
    reading = read_as(configs[0].reading.of_corpora)
    sentences = [
        own
        for path in paths
        for own in read_corpus(path, reading=reading, expect_annotations=True).sentences
    ]
    source = ", ".join(f"`{path}`" for path in paths)
    learned, missing = _learned(configs)
    apart = _without(sentences, learned, source)
    note = (
        f"whether some of them are training sentences is not known: {', '.join(missing)} cannot be "
        f"read"
    )
    return Apart(apart.sentences, source, (*apart.notes, *((note,) if missing else ())))


def _learned(configs: Sequence[Config]) -> tuple[frozenset[str], list[str]]:
    """The wordings of the training sentences, and the files that are not there."""
    known: set[str] = set()
    missing = []
    files = {
        (path, data.format) for config in configs for data in config.sources for path in data.train
    }
    for path, format_ in sorted(files, key=str):
        try:
            known |= wordings(read_corpus(path, format=format_).sentences)
        except CorpusError:
            missing.append(str(path))
    return frozenset(known), missing


def _without(sentences: Iterable[Sentence], learned: frozenset[str], source: str) -> Apart:
    whole = tuple(sentences)
    apart = tuple(own for own in whole if wording(own) not in learned)
    known = len(whole) - len(apart)
    if not whole or known > MOST_KNOWN * len(whole):
        raise ModelError(
            f"{known:,} of {len(whole):,} sentences of {source} are sentences that the model "
            f"learned from, of which it is surer than of others: name a corpus that it does not "
            f"know"
        )
    left = f"{known:,} sentences that the model learned from are left out"
    return Apart(apart, source, (left,) * bool(known))


def of_run(model: Path, saved: SavedPredictor) -> dict[str, Apart]:
    """The dev sentences of the run that a model or a committee is of, by the names of its schemas.

    Raises:
        ModelError: if it had none, or is an ensemble of several runs.
        CorpusError, TrainingError: if its corpora are not there any more.
    """
    if saved.config is None:
        raise ModelError(
            f"{model} is an ensemble of models of several runs, which may have learned from each "
            f"other's dev sentences: name a corpus that none of them learned from, as in `dovetail "
            f"calibrate {model} DEV`"
        )
    job = Job.of_run(saved.config)
    found: dict[str, Apart] = {}
    for name in job.schemas:
        own = [corpus for corpus in job.corpora if corpus.schema == name]
        learned = wordings(sentence for corpus in own for sentence in corpus.splits.train)
        dev = [sentence for corpus in own for sentence in corpus.dev]
        if dev:
            found[name] = _without(dev, learned, "the run's dev set")
    if not found:
        raise ModelError(
            f"{model} had no dev sentences: name a corpus that it did not learn from, as in "
            f"`dovetail calibrate {model} DEV`"
        )
    return found
