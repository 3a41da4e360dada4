"""Sentences that are known to hold no relation: a corpus without any, or plain text.

What is read here is no annotation but a claim of whoever names the file, so a file that holds a
relation is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from dovetail.corpora.corpus import Corpus, corpus_of, read_corpus
from dovetail.corpora.format import Source
from dovetail.corpora.known_formats import is_corpus
from dovetail.corpora.ledger import RELATION
from dovetail.corpora.marking.marked_text import MarkedText
from dovetail.corpora.source.json_text import json_values
from dovetail.corpora.source.text_files import numbered_lines, read_text
from dovetail.errors import CorpusError
from dovetail.text.document import RELATION_TASK, Document, Sentence
from dovetail.text.reading import Reading

PLAIN_TEXT = "text"
"""The format of a file that has a sentence a line and nothing else."""

_QUOTED_CHARS = 100


def read_negatives(path: Path, reading: Reading) -> Corpus:
    """Read a corpus, whose format is recognised, or a ``.txt`` file of none: a sentence a line.

    The lines of such a file are documents.

    Raises:
        CorpusError: if it cannot be read, or holds a relation, with the place of the first.
    """
    if path.suffix == ".txt" and path.is_file() and not is_corpus(path):
        return _plain_text(Source(path, reading))
    corpus = read_corpus(path, reading=reading)
    refuse_relations(corpus, path)
    return corpus


def of_documents(id: str, patterns: Sequence[str]) -> bool:
    """Whether the id of a document is one of these, in which ``*`` stands for anything.

    >>> of_documents("16545957", ["*7"]), of_documents("16545957", ["1654595"])
    (True, False)
    """
    return any(fnmatchcase(id, pattern) for pattern in patterns)


def _plain_text(source: Source) -> Corpus:
    texts = [
        MarkedText(f"{source.path.stem}:{number}", line, (), (), f"{source.path}:{number}")
        for number, line in numbered_lines(read_text(source.path))
        if line.strip()
    ]
    return corpus_of(texts, source, PLAIN_TEXT)


def refuse_relations(corpus: Corpus, path: Path) -> None:
    """Raise `CorpusError` if a corpus of negatives holds a relation, or held one that was lost."""
    related = [
        (number, document, sentence)
        for number, document in enumerate(corpus.documents)
        for sentence in document.sentences
        if sentence.relations or sentence.unaligned_for(RELATION_TASK)
    ]
    remedy = "leave them out: negatives are sentences that are known to hold none"
    if related:
        number, document, sentence = related[0]
        place = _place(path, corpus, number, sentence)
        raise CorpusError(
            f"{place}: expected sentences without a relation, found {_said(document, sentence)} in "
            f"{' '.join(sentence.tokens)[:_QUOTED_CHARS]!r}; {len(related):,} of "
            f"{len(corpus.sentences):,} sentences of the file hold one: {remedy}"
        )
    number = corpus.ledger[RELATION].read
    if number:
        raise CorpusError(
            f"{path}: expected sentences without a relation, found relations that could not be "
            f"kept, {number:,} in all (`dovetail inspect {path}` lists them); {remedy}"
        )


def _said(document: Document, sentence: Sentence) -> str:
    """The first relation of a sentence, in words."""
    for link in sentence.sorted_relations:
        head, tail = (document.surface(sentence, own) for own in (link.head, link.tail))
        return f"{link.type!r} from {head!r} to {tail!r}"
    return f"{sentence.unaligned_for(RELATION_TASK)[0].type!r}"


def _place(path: Path, corpus: Corpus, number: int, sentence: Sentence) -> str:
    """Where a document stands: the line of its record, or that of its words, if either is known."""
    with suppress(CorpusError):  # a folder, an archive, or a binary file has no lines
        text = read_text(path)
        if text.lstrip()[:1] in ("[", "{"):
            places = list(_places_of_records(text, path))
            if len(places) == len(corpus.documents):
                return places[number]
        for line, content in numbered_lines(text):
            if all(token in content for token in sentence.tokens):
                return f"{path}:{line}"
    name = sentence.id or corpus.documents[number].id
    return f"{path}: sentence {name!r}" if name else f"{path}: document {number + 1}"


def _places_of_records(text: str, path: Path) -> Iterator[str]:
    """The places of the JSON objects of a file, without the header of the native format."""
    for item in json_values(text, path):
        values = item.value()
        if isinstance(values, dict) and ("format" not in values or {"tokens", "text"} & {*values}):
            yield item.where
