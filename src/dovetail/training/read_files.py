"""The sentences of the corpora that a config names, and what is to be said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from dovetail.config import DataConfig
from dovetail.corpora import Corpus, read_corpus
from dovetail.corpora.corpus import read_by_file
from dovetail.corpora.known_formats import is_corpus
from dovetail.corpora.marking.assembly import CROSSES_SENTENCES, WIDER_UNIT
from dovetail.corpora.source.text_files import read_text
from dovetail.text.document import Sentence
from dovetail.text.reading import Reading
from dovetail.text.stored_sentences import StoredSentences
from dovetail.text.tokenization import Tokenizer
from dovetail.text.wording import wording
from dovetail.text.writing_systems import guess_language
from dovetail.training.pools import FileAccount


@dataclass(frozen=True)
class ReadFiles:
    """The sentences of each document of some files, and what is to be said of them.

    `ids` are those of the documents.  What is `stored` has no documents.  `language` is that of raw
    text among them; None where all of it brings its own tokens.
    """

    documents: tuple[tuple[Sentence, ...], ...] = ()
    ids: tuple[str, ...] = ()
    stored: StoredSentences | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    language: str | None = None
    files: tuple[FileAccount, ...] = ()

    @property
    def sentences(self) -> Sequence[Sentence]:
        """All of them, in order."""
        if self.stored is not None:
            return self.stored
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
    told = _Told(split)
    for path in paths:
        corpus = (
            read_corpus(path, format=config.format, reading=reading)
            if read is None
            else read(path, reading)
        )
        for id, sentences in first_of(corpus, limit, config.symmetric):
            ids.append(id)
            documents.append(sentences)
        told.add(path, corpus)
    return told.of(ReadFiles(tuple(documents), tuple(ids)))


def read_file_by_file(
    paths: Sequence[Path], config: DataConfig, reading: Reading, *, split: str, limit: int = 0
) -> ReadFiles:
    """The same with the sentences in a file, but for empty ones.

    Of folders and archives too, one file at a time is read.
    """
    told = _Told(split)
    taken: Counter[Path] = Counter()

    def take(path: Path, read: tuple[str, Corpus]) -> Iterator[Sentence]:
        file, corpus = read
        told.add(file, corpus)
        if limit and taken[path] >= limit:  # it is read for what is wrong with it
            return
        left = limit - taken[path] if limit else 0
        for _, own in first_of(corpus, left, config.symmetric):
            taken[path] += len(own)
            yield from (sentence for sentence in own if sentence.tokens)

    # In chains, which let go of a corpus before they ask for the next.
    sentences = chain.from_iterable(
        chain.from_iterable(
            map(partial(take, path), read_by_file(path, format=config.format, reading=reading))
        )
        for path in paths
    )
    return told.of(ReadFiles(stored=StoredSentences(sentences)))


def first_of(
    corpus: Corpus, limit: int, symmetric: Collection[str]
) -> Iterator[tuple[str, tuple[Sentence, ...]]]:
    """The ids and sentences of documents, as far as the first so many sentences go; 0 is all."""
    left = limit or len(corpus.sentences)
    for document in corpus.documents:
        own = document.sentences[:left]
        left -= len(own)
        yield document.id, tuple(forwards(sentence, symmetric) for sentence in own)


class _Told:
    """What there is to say of files, gathered one by one."""

    def __init__(self, split: str) -> None:
        self._split = split
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._files: list[FileAccount] = []
        self._tokens: Counter[str] = Counter()
        """Of the texts in each language."""

    def add(self, path: Path | str, corpus: Corpus) -> None:
        """Note what was lost of a file, its warnings and its language."""
        self._files.append(FileAccount(str(path), self._split, corpus.ledger))
        if corpus.language is not None:
            self._tokens[corpus.language] += sum(len(own.tokens) for own in corpus.sentences)
        self._warnings += (f"{path}: {warning}" for warning in corpus.warnings)
        if corpus.ledger.drops:
            crosses = any(drop.reason == CROSSES_SENTENCES for drop in corpus.ledger.drops)
            hint = f"; {WIDER_UNIT}" if crosses else ""
            self._notes.append(
                f"{path}: {corpus.ledger.losses()}; `dovetail inspect {path}` lists all with the "
                f"reasons{hint}"
            )

    def of(self, read: ReadFiles) -> ReadFiles:
        """The files with all that is to be said of them; their language is that of most tokens."""
        languages = [language for language, _ in self._tokens.most_common()]
        if len(languages) > 1:
            self._warnings.append(
                f"the {self._split} files are in several languages: {', '.join(languages)}; the "
                f"model is to read {languages[0]}, of which there is most: set data.language, or "
                f"train a model for each"
            )
        return replace(
            read,
            notes=tuple(self._notes),
            warnings=tuple(self._warnings),
            language=languages[0] if languages else None,
            files=tuple(self._files),
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
