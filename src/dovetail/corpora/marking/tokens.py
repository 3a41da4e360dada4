"""From what a reader found to documents of tokens, in one way for all formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import DOCUMENT, ENTITY
from dovetail.corpora.marking.marked_text import MarkedText
from dovetail.corpora.marking.positions import check_tokens_whole, doubt, in_codepoints
from dovetail.corpora.marking.token_alignment import (
    CUT,
    DISCONTINUOUS,
    GREW,
    INSIDE_TOKEN,
    OUTSIDE,
    align,
)
from dovetail.corpora.source.json_records import check_characters
from dovetail.text.document import ENTITY_TASK, Document
from dovetail.text.reading import Reading
from dovetail.text.tokenization import Tokenizer
from dovetail.text.writing_systems import Guess, guess_language

MANY_UNALIGNED = 0.01
"""Share of the entities of a raw text that tokens may miss before a warning is due."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Documents of tokens; the language of raw text, if there was any; and what is to be said."""

    documents: tuple[Document, ...]
    language: str | None
    doubt: str
    warnings: tuple[str, ...]


def cut_into_tokens(read: Sequence[Document | MarkedText], source: Source) -> Cut:
    """Cut raw text into tokens; documents that have theirs stay as they are."""
    marked = [item for item in read if isinstance(item, MarkedText)]
    if not marked:
        return Cut(tuple(item for item in read if isinstance(item, Document)), None, "", ())
    reading = source.reading
    raw = [item for item in marked if item.sentences is None]
    tokenizer, guess = tokenizer_for((item.text for item in raw), reading)
    language = tokenizer.language
    documents = tuple(
        document
        for item in read
        for document in (
            [item] if isinstance(item, Document) else _aligned(item, tokenizer, source)
        )
    )
    said = doubt(marked, reading.offsets)
    warnings = [said] if said else []
    warnings += _many_unaligned(documents, language, str(guess), source)
    if reading.language is None and raw and language != "en":
        warnings.append(f"no language was given, so raw text is cut as {guess}")
    return Cut(documents, language if raw else None, said, tuple(warnings))


def tokenizer_for(texts: Iterable[str], reading: Reading) -> tuple[Tokenizer, Guess]:
    """What cuts raw texts that are read together, and what they look like."""
    guess = guess_language(texts)
    return Tokenizer(reading.language or guess.language, reading.unit), guess


def _aligned(marked: MarkedText, tokenizer: Tokenizer, source: Source) -> list[Document]:
    """The document of a text, or nothing if it is broken as a whole."""
    with source.faults.guard(DOCUMENT, marked.name):
        source.tally.read(DOCUMENT)
        for text in (marked.text, marked.id):
            check_characters(text, marked.where)
        offsets = marked.offsets or source.reading.offsets or "codepoints"
        counted = in_codepoints(marked, offsets)
        check_tokens_whole(counted, offsets)
        return [align(counted, tokenizer, source)]
    return []


def _many_unaligned(
    documents: Sequence[Document], language: str, guess: str, source: Source
) -> list[str]:
    """A warning if tokens miss more entities than chance explains."""
    sentences = [sentence for document in documents for sentence in document.sentences]
    found = Counter(
        item.reason
        for sentence in sentences
        for item in sentence.unaligned_for(ENTITY_TASK)
        if item.reason != DISCONTINUOUS  # of which neither language nor positions are the cause
    )
    dropped = {reason: source.tally.times(reason) for reason in (INSIDE_TOKEN, OUTSIDE)}
    changed = {note: source.tally.times(note) for note in (GREW, CUT)}
    number = found.total() + sum(dropped.values()) + sum(changed.values())
    total = source.tally.times_read(ENTITY)  # of duplicates, too, each was counted
    if number <= MANY_UNALIGNED * total:
        return []
    reasons = Counter({**found}) + Counter(dropped) + Counter(changed)
    listed = "; ".join(
        f"{times:,}: {reason.removeprefix('entity: ')}" for reason, times in reasons.most_common()
    )
    return [
        f"{number:,} of {total:,} entities are not whole tokens of one unit, so a model that reads "
        f"plain text cannot find them as they are ({listed}). Is the language {language!r} right "
        f"(--language, data.language)? By its script the text is taken for {guess}. Positions that "
        f"are off by one, or count UTF-16 units, look like this too"
    ]
