"""Sentences in a file in place of memory: each is read where it is asked for."""

from __future__ import annotations

import json
from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TypeVar, overload

from dovetail.files.unnamed_file import UnnamedFile
from dovetail.text.document import Entity, Relation, Sentence, Unaligned

Item = TypeVar("Item", covariant=True)


class Items(Sequence[Item]):
    """A sequence whose items are made where they are asked for."""

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        places = range(len(self))
        if isinstance(index, slice):
            return tuple(map(self.item, places[index]))
        return self.item(places[index])

    @abstractmethod
    def item(self, place: int) -> Item:
        """The item at a place from 0 on."""


class StoredSentences(Items[Sentence]):
    """Sentences that are written once; memory holds sixteen bytes of each.

    What is read twice is equal, and not the same object.

    Raises:
        OutputError: if the disk is full, or the file cannot be written for another reason.
    """

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self._file = UnnamedFile("sentences")
        self._starts = array("Q", [0])
        self.lengths = array("Q")
        for sentence in sentences:
            self._file.write(packed(sentence))
            self._starts.append(self._file.size)
            self.lengths.append(len(sentence.tokens))

    def __len__(self) -> int:
        return len(self.lengths)

    def item(self, place: int) -> Sentence:
        return unpacked(self._file.content[self._starts[place] : self._starts[place + 1]])


class JoinedSentences(Items[Sentence]):
    """Several sequences, one after another, as one."""

    def __init__(self, parts: Iterable[Sequence[Sentence]]) -> None:
        self.parts = tuple(parts)
        self._starts = [*accumulate(map(len, self.parts), initial=0)]

    def __len__(self) -> int:
        return self._starts[-1]

    def item(self, place: int) -> Sentence:
        part = bisect_right(self._starts, place) - 1
        return self.parts[part][place - self._starts[part]]


class TokensOf(Items[tuple[str, ...]]):
    """The tokens of sentences."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self._sentences = sentences

    def __len__(self) -> int:
        return len(self._sentences)

    def item(self, place: int) -> tuple[str, ...]:
        return self._sentences[place].tokens


def held_as(others: Sequence[Sentence], sentences: Iterable[Sentence]) -> Sequence[Sentence]:
    """The sentences, where others are that they are made of."""
    return StoredSentences(sentences) if isinstance(others, StoredSentences) else tuple(sentences)


def joined_sentences(parts: Sequence[Sequence[Sentence]]) -> Sequence[Sentence]:
    """All sentences; those in files stay there."""
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, StoredSentences) for part in parts):
        return JoinedSentences(parts)
    return tuple(sentence for part in parts for sentence in part)


def lengths_of(sentences: Sequence[Sentence]) -> Sequence[int]:
    """Tokens of each sentence."""
    if isinstance(sentences, StoredSentences):
        return sentences.lengths
    if isinstance(sentences, JoinedSentences):
        return [length for part in sentences.parts for length in lengths_of(part)]
    return [len(sentence.tokens) for sentence in sentences]


def packed(sentence: Sentence) -> bytes:
    """All that a sentence holds, as JSON; `unpacked` gives it back."""
    entities = sentence.sorted_entities
    place_of = {entity: place for place, entity in enumerate(entities)}
    values = [
        sentence.tokens,
        sentence.offsets,
        [(own.start, own.end, own.type, own.confidence, own.fragments) for own in entities],
        [
            (place_of[own.head], place_of[own.tail], own.type, own.confidence)
            for own in sentence.sorted_relations
        ],
        sorted(sentence.annotated),
        sentence.id,
        [
            (own.task, own.type, own.spans, own.types, own.reason, own.arguments)
            for own in sorted(sentence.unaligned)
        ],
    ]
    return json.dumps(values, separators=(",", ":")).encode("ascii")


def unpacked(content: bytes) -> Sentence:
    """The sentence that was packed."""
    tokens, offsets, entities, relations, annotated, id, unaligned = json.loads(content)
    known = [
        Entity(start, end, type_, confidence, pairs(fragments))
        for start, end, type_, confidence, fragments in entities
    ]
    return Sentence(
        tuple(tokens),
        pairs(offsets),
        frozenset(known),
        frozenset(
            Relation(known[head], known[tail], type_, confidence)
            for head, tail, type_, confidence in relations
        ),
        frozenset(annotated),
        id,
        frozenset(
            Unaligned(task, type_, pairs(spans), tuple(types), reason, tuple(map(pairs, own)))
            for task, type_, spans, types, reason, own in unaligned
        ),
    )


def pairs(values: Iterable[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    """Pairs that JSON has as lists."""
    return tuple((start, end) for start, end in values)
