"""The sentences of the corpora that a config names, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dovetail.config import DataConfig
from dovetail.corpora import read_corpus
from dovetail.corpora.marking.assembly import CROSSES_SENTENCES, WIDER_UNIT
from dovetail.text.document import Sentence
from dovetail.text.reading import Reading


@dataclass(frozen=True)
class ReadFiles:
    """The sentences of each document of some files, and what is to be said of them.

    `language` is that of raw text among them; None where all of it brings its own tokens.
    """

    documents: tuple[tuple[Sentence, ...], ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    language: str | None = None

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All of them, in order."""
        return tuple(sentence for document in self.documents for sentence in document)


def read_files(
    paths: Sequence[Path], config: DataConfig, reading: Reading, *, limit: int = 0
) -> ReadFiles:
    """Read corpora, of each the first so many sentences."""
    documents: list[tuple[Sentence, ...]] = []
    notes: list[str] = []
    warnings: list[str] = []
    language = None
    for path in paths:
        corpus = read_corpus(path, format=config.format, reading=reading)
        left = limit or len(corpus.sentences)
        for document in corpus.documents:
            own = document.sentences[:left]
            left -= len(own)
            documents.append(tuple(forwards(sentence, config.symmetric) for sentence in own))
        language = language or corpus.language
        warnings += (f"{path}: {warning}" for warning in corpus.warnings)
        if corpus.ledger.drops:
            crosses = any(drop.reason == CROSSES_SENTENCES for drop in corpus.ledger.drops)
            hint = f"; {WIDER_UNIT}" if crosses else ""
            notes.append(
                f"{path}: {corpus.ledger.losses()}; `dovetail inspect {path}` lists all with the "
                f"reasons{hint}"
            )
    return ReadFiles(tuple(documents), tuple(notes), tuple(warnings), language)


def read_sentences(
    paths: Sequence[Path], config: DataConfig, *, limit: int = 0
) -> tuple[tuple[Sentence, ...], tuple[str, ...]]:
    """The sentences of corpora, of each the first so many, and what could not be kept of them."""
    read = read_files(paths, config, config.reading_to_learn, limit=limit)
    return read.sentences, read.notes


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
