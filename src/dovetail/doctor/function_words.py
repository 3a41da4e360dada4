"""In which language a text is, by its function words: in any text every third word is one."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from dovetail.text.document import Sentence

LANGUAGES = (
    *("ca", "cs", "da", "de", "en", "es", "fi", "fr", "hu"),
    *("it", "nb", "nl", "pl", "pt", "ro", "sv", "tr"),
)
"""Languages in Latin letters whose function words spaCy lists."""

LEAST = 0.2
"""Share of words that have to be function words for a language to be taken for the text's."""

LESS = 0.5
"""Where the known language has so much less of them, it is another."""

ENOUGH_WORDS = 200


@dataclass(frozen=True, slots=True)
class OtherLanguage:
    """A language that a text seems to be in, with the shares of function words."""

    language: str
    share: float
    share_of_known: float


def written_in(sentences: Iterable[Sentence], known: str) -> OtherLanguage | None:
    """The language that sentences seem to be in, if it is clearly not the one that is known."""
    if known not in LANGUAGES:
        return None
    words = [
        token.casefold()
        for sentence in sentences
        for token in sentence.tokens
        if len(token) > 1 and token.isalpha()
    ]
    if len(words) < ENOUGH_WORDS:
        return None
    shares = {language: _share(words, _function_words(language)) for language in LANGUAGES}
    best = max(shares, key=lambda language: shares[language])
    if best == known or shares[best] < LEAST or shares[known] > LESS * shares[best]:
        return None
    return OtherLanguage(best, shares[best], shares[known])


def _share(words: Collection[str], function_words: Collection[str]) -> float:
    return sum(word in function_words for word in words) / len(words)


@lru_cache(maxsize=len(LANGUAGES))
def _function_words(language: str) -> frozenset[str]:
    module = importlib.import_module(f"spacy.lang.{language}.stop_words")
    return frozenset(module.STOP_WORDS)
