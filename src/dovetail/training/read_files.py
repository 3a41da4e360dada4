"""The sentences of the corpora that a config names, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from dovetail.config import DataConfig
from dovetail.corpora import read_corpus
from dovetail.corpora.corpus import recognise
from dovetail.corpora.marking.assembly import CROSSES_SENTENCES, WIDER_UNIT
from dovetail.corpora.source.text_files import read_text
from dovetail.errors import CorpusError
from dovetail.text.document import Sentence
from dovetail.text.reading import Reading
from dovetail.text.tokenization import Tokenizer
from dovetail.text.writing_systems import guess_language
from dovetail.training.pools import FileAccount


@dataclass(frozen=True)
class ReadFiles:
    """The sentences of each document of some files, and what is to be said of them.

    `language` is that of raw text among them; None where all of it brings its own tokens.
    """

    documents: tuple[tuple[Sentence, ...], ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    language: str | None = None
    files: tuple[FileAccount, ...] = ()

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All of them, in order."""
        return tuple(sentence for document in self.documents for sentence in document)


def read_files(
    paths: Sequence[Path], config: DataConfig, reading: Reading, *, split: str = "", limit: int = 0
) -> ReadFiles:
    """Read the corpora of a split, of each the first so many sentences."""
    documents: list[tuple[Sentence, ...]] = []
    notes: list[str] = []
    warnings: list[str] = []
    files: list[FileAccount] = []
    language = None
    for path in paths:
        corpus = read_corpus(path, format=config.format, reading=reading)
        left = limit or len(corpus.sentences)
        for document in corpus.documents:
            own = document.sentences[:left]
            left -= len(own)
            documents.append(tuple(forwards(sentence, config.symmetric) for sentence in own))
        files.append(FileAccount(str(path), split, corpus.ledger))
        language = language or corpus.language
        warnings += (f"{path}: {warning}" for warning in corpus.warnings)
        if corpus.ledger.drops:
            crosses = any(drop.reason == CROSSES_SENTENCES for drop in corpus.ledger.drops)
            hint = f"; {WIDER_UNIT}" if crosses else ""
            notes.append(
                f"{path}: {corpus.ledger.losses()}; `dovetail inspect {path}` lists all with the "
                f"reasons{hint}"
            )
    return ReadFiles(tuple(documents), tuple(notes), tuple(warnings), language, tuple(files))


def read_texts(
    paths: Sequence[Path], config: DataConfig, language: str | None, *, limit: int = 0
) -> ReadFiles:
    """The sentences of corpora of any format, and of raw text in `.txt` files that are none."""
    reading = replace(config.reading, language=language)
    return ReadFiles(
        tuple(tuple(islice(_sentences_of(path, reading), limit or None)) for path in paths)
    )


def _sentences_of(path: Path, reading: Reading) -> Iterator[Sentence]:
    if path.suffix == ".txt" and not _is_corpus(path):
        text = read_text(path)
        known = reading.language or guess_language([text]).language
        yield from Tokenizer(known, reading.unit).document(text, path.stem).sentences
    else:
        yield from read_corpus(path, reading=reading).sentences


def _is_corpus(path: Path) -> bool:
    """Whether a corpus format is recognised."""
    try:
        recognise(path)
    except CorpusError:
        return False
    return True


def forwards(sentence: Sentence, symmetric: Collection[str]) -> Sentence:
    """The sentence with its symmetric relations written from the entity that comes first."""
    if not any(relation.type in symmetric for relation in sentence.relations):
        return sentence
    relations = (
        replace(relation, head=relation.tail, tail=relation.head)
        if relation.type in symmetric and relation.tail < relation.head
        else relation
        for relation in sentence.relations
    )
    return replace(sentence, relations=frozenset(relations))
