"""Tokens that a corpus brings, as one text in which annotations have places by character."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.corpora.marking.marked_text import MarkedSentence, Span
from dovetail.errors import CorpusFormatError
from dovetail.text.document import TASKS
from dovetail.text.tokenization import sentence_id


class TokenText:
    """Sentences of tokens, with one space between two tokens, and where each of them stands.

    Tokens are counted through the whole document, from 0.
    """

    def __init__(self, sentences: Sequence[Sequence[str]]) -> None:
        self.text = " ".join(token for tokens in sentences for token in tokens)
        self.offsets: list[list[Span]] = []
        self.firsts: list[int] = []
        self._tokens: list[Span] = []
        start = 0
        for tokens in sentences:
            self.firsts.append(len(self._tokens))
            self.offsets.append([])
            for token in tokens:
                self.offsets[-1].append((start, start + len(token)))
                start += len(token) + 1
            self._tokens += self.offsets[-1]

    def __len__(self) -> int:
        return len(self._tokens)

    def characters(self, start: int, end: int) -> Span:
        """The characters of the tokens from `start` to the one before `end`."""
        return self._tokens[start][0], self._tokens[end - 1][1]

    def in_sentence(self, sentence: int, start: int, end: int, where: str) -> Span:
        """The characters of tokens that are counted from the first of a sentence.

        Raises:
            CorpusFormatError: if there are no such tokens in the sentence.
        """
        number = len(self.offsets[sentence])
        if not 0 <= start < end <= number:
            raise CorpusFormatError(
                f"{where}: an entity has the tokens [{start}, {end}) of its sentence, which is not "
                f"within the {number} tokens of the sentence; correct its borders"
            )
        first = self.firsts[sentence]
        return self.characters(first + start, first + end)

    def sentences(
        self, id: str, annotated: frozenset[str] = frozenset(TASKS)
    ) -> list[MarkedSentence]:
        """The sentences of a document; one that is alone has the name of the document."""
        alone = len(self.offsets) == 1
        return [
            MarkedSentence(offsets, id if alone else sentence_id(id, position), annotated)
            for position, offsets in enumerate(self.offsets)
        ]
