"""What is annotated at once: whole texts, or each of their sentences; and what has been already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dovetail.text.document import Document


def sentences_of(documents: Iterable[Document]) -> Iterator[Document]:
    """Each sentence as a document of its own, with the stretch of text that it covers."""
    for document in documents:
        for position, sentence in enumerate(document.sentences):
            if not sentence.tokens:
                continue
            start, end = sentence.offsets[0][0], sentence.offsets[-1][1]
            offsets = tuple((first - start, last - start) for first, last in sentence.offsets)
            name = sentence.id or f"{document.id}#{position}"
            own = replace(sentence, offsets=offsets, id=name, unaligned=frozenset())
            yield Document(name, document.text[start:end], (own,))


class Distinct:
    """Lets through each text once, and none that was annotated already.

    Texts are the same if their words are, whatever the space between them.

    Attributes:
        repeated: how many were left out since they had come before.
        annotated: how many were left out since they are annotated.
    """

    def __init__(self, annotated: Iterable[Document] = ()) -> None:
        self._annotated = {_words(document) for document in annotated}
        self._seen: set[int] = set()
        self.repeated = self.annotated = 0

    def __call__(self, documents: Iterable[Document]) -> Iterator[Document]:
        for document in documents:
            words = _words(document)
            if words in self._annotated:
                self.annotated += 1
            elif words in self._seen:
                self.repeated += 1
            else:
                self._seen.add(words)
                yield document


def _words(document: Document) -> int:
    """A number for the characters without space: texts are many, so they are not kept."""
    return hash("".join("".join(own.tokens) for own in document.sentences))
