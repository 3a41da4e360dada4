"""The sentences of the corpora that a config names, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from dovetail.config import DataConfig
from dovetail.corpora import Corpus, read_corpus
from dovetail.corpora.corpus import is_corpus
from dovetail.corpora.marking.assembly import CROSSES_SENTENCES, WIDER_UNIT
from dovetail.corpora.source.text_files import read_text
from dovetail.text.document import Sentence
from dovetail.text.reading import Reading
from dovetail.text.tokenization import Tokenizer
from dovetail.text.wording import wording
from dovetail.text.writing_systems import guess_language
from dovetail.training.pools import FileAccount


@dataclass(frozen=True)
class ReadFiles:
    """The sentences of each document of some files, and what is to be said of them.

    `ids` are those of the documents.  `language` is that of raw text among them; None where all of
    it brings its own tokens.
    """

    documents: tuple[tuple[Sentence, ...], ...] = ()
    ids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    language: str | None = None
    files: tuple[FileAccount, ...] = ()

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All of them, in order."""
        return tuple(sentence for document in self.documents for sentence in document)

    def ids_by_wording(self) -> dict[str, set[str]]:
        """The ids of the documents that sentences stand in, by their wording."""
        found: dict[str, set[str]] = {}
        for id, document in zip(self.ids, self.documents, strict=True):
            for sentence in document if id else ():
                found.setdefault(wording(sentence), set()).add(id)
        return found


def read_files(
    paths: Sequence[Path],
    config: DataConfig,
    reading: Reading,
    *,
    split: str = "",
    limit: int = 0,
    read: Callable[[Path, Reading], Corpus] | None = None,
) -> ReadFiles:
    """Read the corpora of a split, of each the first so many sentences.

    Args:
        paths: the files.
        config: of the corpus.
        reading: how its texts are cut.
        split: what the files are for, in the account of each.
        limit: sentences of a file at most; 0 reads all.
        read: reads a file, in place of `read_corpus` with the format of the config.
    """
    documents: list[tuple[Sentence, ...]] = []
    ids: list[str] = []
    notes: list[str] = []
    warnings: list[str] = []
    files: list[FileAccount] = []
    language = None
    for path in paths:
        corpus = (
            read_corpus(path, format=config.format, reading=reading)
            if read is None
            else read(path, reading)
        )
        left = limit or len(corpus.sentences)
        for document in corpus.documents:
            own = document.sentences[:left]
            left -= len(own)
            ids.append(document.id)
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
    return ReadFiles(
        tuple(documents), tuple(ids), tuple(notes), tuple(warnings), language, tuple(files)
    )


def read_texts(
    paths: Sequence[Path], config: DataConfig, language: str | None, *, limit: int = 0
) -> ReadFiles:
    """The sentences of corpora of any format, and of raw text in `.txt` files that are none."""
    reading = replace(config.reading, language=language)
    texts = tuple(tuple(islice(_sentences_of(path, reading), limit or None)) for path in paths)
    return ReadFiles(texts, tuple(path.stem for path in paths))


def _sentences_of(path: Path, reading: Reading) -> Iterator[Sentence]:
    if path.suffix == ".txt" and not is_corpus(path):
        text = read_text(path)
        known = reading.language or guess_language([text]).language
        yield from Tokenizer(known, reading.unit).document(text, path.stem).sentences
    else:
        yield from read_corpus(path, reading=reading).sentences


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
