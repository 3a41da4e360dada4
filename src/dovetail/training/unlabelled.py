"""Sentences that only a teacher labels, without those that scores or choices are made on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from dovetail.config import Config, DataConfig
from dovetail.corpora import read_corpus
from dovetail.corpora.corpus import recognise
from dovetail.corpora.source.text_files import read_text
from dovetail.errors import CorpusError, TrainingError
from dovetail.text.document import Sentence
from dovetail.text.tokenization import Tokenizer
from dovetail.text.writing_systems import guess_language
from dovetail.training.extra import account, without_known, wordings
from dovetail.training.read_files import read_sentences
from dovetail.training.splits import Splits

FIELD = "distillation.unlabelled"


def with_unlabelled(splits: Splits, config: Config) -> Splits:
    """Add the unlabelled sentences that neither scores nor choices are made on, nor known already.

    Raises:
        CorpusError: if a file cannot be read.
        TrainingError: if no sentence is left.
    """
    paths = config.distillation.unlabelled
    if not paths:
        return splits
    limit = config.data.max_sentences or None
    language = config.data.language or splits.language
    read = [
        replace(sentence.without_annotations(), annotated=frozenset())
        for path in paths
        for sentence in islice(sentences_of(path, language, config.data), limit)
        if sentence.tokens
    ]
    held_out = wordings(read_sentences(config.data.held_out, config.data)[0])
    known = {
        "in data.held_out": held_out,
        "in the dev set": wordings(splits.dev),
        "in data.train": wordings(splits.train),
        "in data.extra": wordings(splits.extra),
    }
    unlabelled, left_out = without_known(read, known, field=FIELD)
    note = account(FIELD, len(read), left_out)
    if not unlabelled:
        raise TrainingError(f"{note}. Leave {FIELD} out, or name other files")
    return replace(
        splits,
        unlabelled=unlabelled,
        unlabelled_per_epoch=min(
            config.distillation.unlabelled_per_epoch or len(unlabelled), len(unlabelled)
        ),
        left_out=(*splits.left_out, *left_out),
        notes=(*splits.notes, note),
        warnings=(*splits.warnings, *warnings_of(held_out)),
    )


def sentences_of(path: Path, language: str | None, data: DataConfig) -> Iterator[Sentence]:
    """The sentences of a corpus, or of raw text in a `.txt` file that is no corpus.

    Raises:
        CorpusError: if it cannot be read.
    """
    if path.suffix == ".txt" and not is_corpus(path):
        text = read_text(path)
        known = language or guess_language([text]).language
        yield from Tokenizer(known, data.unit).document(text, path.stem).sentences
    else:
        yield from read_corpus(path, reading=replace(data.reading, language=language)).sentences


def is_corpus(path: Path) -> bool:
    """Whether a corpus format is recognised."""
    try:
        recognise(path)
    except CorpusError:
        return False
    return True


def warnings_of(held_out: Iterable[str]) -> list[str]:
    """What makes final scores with unlabelled sentences less than they seem."""
    if held_out:
        return []
    return [
        f"data.held_out is empty, so nothing keeps sentences that final scores are made on out of "
        f"{FIELD}; name their files there"
    ]
