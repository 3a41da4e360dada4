"""Raw text into sentences and tokens, by rules alone: no pipeline is downloaded.

The tokens come from spaCy's rule-based tokenizer of a language and the sentences from its
rule-based sentencizer.  White space is between tokens, never a token; every other character
belongs to exactly one token, so the offsets reproduce the text.

spaCy takes seconds to import, so it is imported by the first `Tokenizer`, not by this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dovetail.document import Document, Sentence
from dovetail.errors import CorpusError
from dovetail.locks import ProcessLock

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

# spaCy peels punctuation off a run of characters one at a time and looks at the whole rest each
# time, which is quadratic in the run (80,000 quotes in a row take minutes).  No word of a language
# is this long, so a longer run is cut by a plain expression instead.
LONGEST_RUN_CHARS = 256
_LONG_RUN = re.compile(rf"\S{{{LONGEST_RUN_CHARS + 1},}}")
_PIECE_OF_LONG_RUN = re.compile(r"\w+|[^\w\s]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")

Span = tuple[int, int]


def sentence_id(document_id: str, position: int) -> str:
    """The name of the sentence at a position (from 0) of a document; none without its name."""
    return f"{document_id}-{position}" if document_id else ""


class Tokenizer:
    """Cuts text into sentences and tokens by the rules of a language.

    Args:
        language: a code that spaCy knows, as ``"en"``, ``"es"`` or ``"xx"`` (any language).

    Raises:
        CorpusError: if spaCy does not know the language or lacks a package for it.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self._pipeline = _load_rules(language)
        self._lock = ProcessLock()  # a pipeline has one memory zone at a time

    def document(self, text: str, id: str = "") -> Document:
        """Cut a text of any length; the time is linear in it.

        A blank line ends a sentence, as ``.``, ``!`` and ``?`` do.  Text without a word gives a
        document without sentences.

        Raises:
            CorpusError: if the text holds half a surrogate pair, which is no character.
        """
        surrogate = _SURROGATE.search(text)
        if surrogate:
            name = f" of document {id!r}" if id else ""
            raise CorpusError(
                f"the text{name} has half a surrogate pair at character {surrogate.start()}, which "
                f"no encoding can hold; decode it again from its bytes"
            )
        sentences: list[Sentence] = []
        with self._lock:
            for spans in self._sentences(text):
                tokens = tuple(text[start_char:end_char] for start_char, end_char in spans)
                name = sentence_id(id, len(sentences))
                sentences.append(Sentence(tokens, tuple(spans), id=name))
        return Document(id, text, tuple(sentences))

    def _sentences(self, text: str) -> Iterator[list[Span]]:
        # Letters stand in for a long run, so that all offsets stay as they are.
        visible = _LONG_RUN.sub(lambda run: "a" * len(run.group()), text)
        # The zone frees the words of this text afterwards: memory stays flat over many texts.
        with self._pipeline.memory_zone():
            cut = self._pipeline(visible)
            spans: list[Span] = []
            for start_char, end_char, starts_sentence in _tokens(cut):
                if starts_sentence and spans:
                    yield spans
                    spans = []
                if end_char - start_char > LONGEST_RUN_CHARS:
                    pieces = _PIECE_OF_LONG_RUN.finditer(text, start_char, end_char)
                    spans.extend(piece.span() for piece in pieces)
                else:
                    spans.append((start_char, end_char))
            if spans:
                yield spans


def _tokens(cut: Doc) -> Iterator[tuple[int, int, bool]]:
    """The borders of every token that is not white space, and whether it starts a sentence."""
    pending = False
    for token in cut:
        pending = pending or bool(token.is_sent_start)
        if token.is_space:
            pending = pending or _BLANK_LINE.search(token.text) is not None
        else:
            yield token.idx, token.idx + len(token), pending
            pending = False


def _load_rules(language: str) -> Language:
    import spacy

    try:
        pipeline = spacy.blank(language)
    except (ImportError, ValueError, OSError) as error:
        raise CorpusError(
            f"no tokenizer for the language {language!r} ({_first_line(error)}); name a language "
            f"by the code that spaCy has for it, as 'en', 'de', 'es', 'fr' or, for any other "
            f"language that puts spaces between words, 'xx'"
        ) from error
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = 10**12  # its default guards parsers, which are not in use here
    return pipeline


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
