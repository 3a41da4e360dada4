"""Raw text into units and tokens, by rules alone: no pipeline is downloaded.

The tokens come from spaCy's rule-based tokenizer of a language and the sentences from its
rule-based sentencizer; languages without spaces between words are cut by characters.  White space
is between tokens, never a token; every other character belongs to exactly one token, so the offsets
reproduce the text.  What is read at once, a unit, is a sentence by default.

spaCy takes seconds to import, so it is imported by the first `Tokenizer`, not by this module.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from dovetail.errors import CorpusError, first_line
from dovetail.running.locks import ProcessLock
from dovetail.text.document import Document, Sentence
from dovetail.text.line_breaks import LineBreaks
from dovetail.text.reading import Reading, sentences_in
from dovetail.text.visibility import NO_WIDTH, visible_span
from dovetail.text.writing_systems import BY_CHARACTERS, cut_by_characters

if TYPE_CHECKING:
    from spacy.language import Language

# spaCy peels punctuation off a run of characters one at a time and looks at the whole rest each
# time, which is quadratic in the run (80,000 quotes in a row take minutes).  No word of a language
# is this long, so a longer run is cut by a plain expression instead.
LONGEST_RUN_CHARS = 256
_LONG_RUN = re.compile(rf"\S{{{LONGEST_RUN_CHARS + 1},}}")
_PIECE_OF_LONG_RUN = re.compile(r"\w+|[^\w\s]")
_OUTSIDE_WORDS = re.compile("(?<!\\w)[{0}]|[{0}](?!\\w)".format("".join(sorted(NO_WIDTH))))
SURROGATE = re.compile(r"[\ud800-\udfff]")

Span = tuple[int, int]


def sentence_id(document_id: str, position: int) -> str:
    """The name of the sentence at a position (from 0) of a document; none without its name."""
    return f"{document_id}-{position}" if document_id else ""


class Tokenizer:
    """Cuts text into units, by default sentences, and tokens by the rules of a language.

    Args:
        language: a code that spaCy knows, as ``"en"``, ``"es"`` or ``"xx"`` (any language).
        unit: what is read at once: ``"sentence"``, ``"line"``, ``"paragraph"``, ``"document"``, or
            ``"sentences:N"``.

    Raises:
        CorpusError: if spaCy does not know the language or lacks a package for it.
        ValueError: if there is no such unit.
    """

    def __init__(self, language: str = "en", unit: str = "sentence") -> None:
        self.language = language
        self.unit = unit
        self._joined = sentences_in(unit)
        self._rules = None if language in BY_CHARACTERS else _load_rules(language)

    def like(self, reading: Reading) -> Tokenizer:
        """This tokenizer, or one that cuts texts as a reading says, where that is another way."""
        language = reading.language or self.language
        if (language, reading.unit) == (self.language, self.unit):
            return self
        return Tokenizer(language, reading.unit)

    def document(self, text: str, id: str = "") -> Document:
        """Cut a text of any length; the time is linear in it.

        A blank line ends a sentence, as ``.``, ``!`` and ``?`` do, and a line break that was made
        on purpose (`line_breaks`).  Text without a word gives a document without sentences.

        Raises:
            CorpusError: if the text holds half a surrogate pair, which is no character.
        """
        units = self.units(text, id)
        sentences = [
            Sentence(
                tuple(text[start_char:end_char] for start_char, end_char in spans),
                tuple(spans),
                id=sentence_id(id, position),
            )
            for position, spans in enumerate(units)
        ]
        return Document(id, text, tuple(sentences))

    def units(self, text: str, id: str = "") -> list[list[Span]]:
        """The half-open character positions of the tokens of each unit; `id` names the text.

        Raises:
            CorpusError: if the text holds half a surrogate pair, which is no character.
        """
        surrogate = SURROGATE.search(text)
        if surrogate:
            name = f" of document {id!r}" if id else ""
            raise CorpusError(
                f"the text{name} has half a surrogate pair at character {surrogate.start()}, which "
                f"no encoding can hold; decode it again from its bytes"
            )
        with nullcontext() if self._rules is None else self._rules.lock:
            units = list(self._units(text))
        return join_units(units, self._joined)

    def _units(self, text: str) -> Iterator[list[Span]]:
        breaks = LineBreaks(text)
        spans: list[Span] = []
        pending = False
        for start_char, end_char, starts_sentence in self._tokens(text):
            pending = pending or starts_sentence
            visible = trimmed(text, start_char, end_char)
            if visible is None:
                continue
            start_char, end_char = visible
            if spans and self._breaks(breaks, spans[-1][1], start_char, starts=pending):
                yield spans
                spans = []
            pending = False
            if end_char - start_char > LONGEST_RUN_CHARS:
                pieces = _PIECE_OF_LONG_RUN.finditer(text, start_char, end_char)
                spans.extend(piece.span() for piece in pieces)
            else:
                spans.append((start_char, end_char))
        if spans:
            yield spans

    def _breaks(self, breaks: LineBreaks, start: int, end: int, *, starts: bool) -> bool:
        """Whether a unit ends in the white space between two tokens."""
        match self.unit:
            case "document":
                return False
            case "paragraph":
                return breaks.ends_paragraph(start, end)
            case "line":
                return breaks.ends_line(start, end)
            case _:
                return starts or breaks.ends_sentence(start, end)

    def _tokens(self, text: str) -> Iterator[tuple[int, int, bool]]:
        """The borders of every token that is not white space, and whether it starts a sentence."""
        if self._rules is None:
            yield from cut_by_characters(text)
            return
        # Letters stand in for a long run, so that all offsets stay as they are.
        visible = _LONG_RUN.sub(lambda run: "a" * len(run.group()), text)
        visible = _OUTSIDE_WORDS.sub(" ", visible)
        # The zone frees the words of this text afterwards: memory stays flat over many texts.
        pipeline = self._rules.pipeline
        with pipeline.memory_zone():
            pending = False
            for token in pipeline(visible):
                pending = pending or bool(token.is_sent_start)
                if not token.is_space:
                    yield token.idx, token.idx + len(token), pending
                    pending = False


def trimmed(text: str, start: int, end: int) -> Span | None:
    """A stretch without white space and characters of no width at its borders.

    Returns:
        Half-open character positions; None if nothing is left.
    """
    visible = visible_span(text, start, end)
    return visible if visible[0] < visible[1] else None


def join_units(units: list[list[Span]], number: int) -> list[list[Span]]:
    """Join so many units at a time, and what is left at the end."""
    if number == 1:
        return units
    return [
        list(chain.from_iterable(units[first : first + number]))
        for first in range(0, len(units), number)
    ]


def _is_known(language: str) -> bool:
    """Whether spaCy lists the language: it would import any module whose name it is given."""
    from spacy import lang

    return language in {
        module.name for module in pkgutil.iter_modules(lang.__path__) if module.ispkg
    }


class _Rules(NamedTuple):
    """What all tokenizers of a language in this process share."""

    pipeline: Language
    lock: ProcessLock  # a pipeline has one memory zone at a time


@cache
def _load_rules(language: str) -> _Rules:
    import spacy

    try:
        if not _is_known(language):
            raise ValueError("spaCy has no such language")
        config = {"nlp": {"tokenizer": {"use_pyvi": False}}} if language == "vi" else {}
        pipeline = spacy.blank(language, config=config)
    except (ImportError, ValueError, OSError) as error:
        why = first_line(error).rstrip(". ")
        raise CorpusError(
            f"no tokenizer for the language {language!r} ({why}); name a language "
            f"by the code that spaCy has for it, as 'en', 'de', 'es', 'fr' or, for any other "
            f"language that puts spaces between words, 'xx'"
        ) from error
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = 10**12  # its default guards parsers, which are not in use here
    return _Rules(pipeline, ProcessLock())
