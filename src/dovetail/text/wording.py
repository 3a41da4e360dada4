"""When two sentences count as the same, and what follows: parts of a corpus that share none.

Sentences are the same if they have the same letters and digits in the same order, whatever their
case, spaces and punctuation.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dovetail.text.document import Sentence
from dovetail.text.stored_sentences import held_as

WHOLE = "0:1"
"""The part of a corpus that is all of it."""


def wording(sentence: Sentence) -> str:
    """The key of sentences that count as the same: letters, marks and digits.

    >>> wording(Sentence.from_tokens(["Washington", ",", "D.C.", "was"]))
    'washingtondcwas'

    A sentence without any of these has its other signs.
    """
    text = unicodedata.normalize("NFKC", "".join(sentence.tokens)).casefold()
    return "".join(sign for sign in text if unicodedata.category(sign)[0] in "LMN") or text


def wordings(sentences: Iterable[Sentence]) -> frozenset[str]:
    """The wording of each sentence."""
    return frozenset(map(wording, sentences))


@dataclass(frozen=True, slots=True)
class CorpusPart:
    """A share of sentences, from one point of a random order to another.

    Parts of the same order that do not overlap have no sentence in common, those from 0 on hold one
    another, and those that meet at their ends are together the part from first to last.  Sentences
    that count as the same stand together, so that all of them are in one part.
    """

    start: float
    end: float

    @classmethod
    def parse(cls, text: str) -> CorpusPart:
        """Read two shares between 0 and 1.

        >>> CorpusPart.parse("0.1:0.5")
        CorpusPart(start=0.1, end=0.5)

        Raises:
            ValueError: if these are no such shares.
        """
        first, colon, last = text.partition(":")
        try:
            part = cls(float(first), float(last))
        except ValueError:
            part = None
        if not colon or part is None or not 0 <= part.start < part.end <= 1:
            raise ValueError(
                f"expected where the part starts and ends, as two shares between 0 and 1 such as "
                f"0:0.5 or 0.5:1, found {text!r}"
            )
        return part

    def of(self, sentences: Sequence[Sentence], *, seed: int = 0) -> Sequence[Sentence]:
        """The sentences of the part, in the order in which they stand."""
        places = self.indices(sentences, seed=seed)
        return held_as(sentences, (sentences[place] for place in places))

    def indices(self, sentences: Sequence[Sentence], *, seed: int = 0) -> list[int]:
        """The places of the sentences of the part.

        The order that it is cut out of depends on the seed and the words of each sentence alone, so
        that other sentences, or another order of files, do not mix it anew.
        """
        groups: dict[str, list[int]] = {}
        for index, sentence in enumerate(sentences):
            groups.setdefault(wording(sentence), []).append(index)
        first, end = (round(share * len(sentences)) for share in (self.start, self.end))
        chosen: list[int] = []
        passed = 0
        for words in sorted(groups, key=lambda words: _place(words, seed)):
            if first <= passed < end:
                chosen += groups[words]
            passed += len(groups[words])
        return sorted(chosen)


def _place(words: str, seed: int) -> bytes:
    """Where a wording stands in the random order of a seed."""
    return hashlib.sha256(f"{seed} {words}".encode("utf-8", "surrogatepass")).digest()
