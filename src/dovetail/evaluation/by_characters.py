"""Predictions on one cut of a text, said on another: by their characters.

Whoever predicts may cut a text into other sentences and tokens than the gold annotations have.
What counts is which characters are meant: predictions are put on the gold tokens where these can
express them, and beside them (`Sentence.unaligned`) where they cannot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dovetail.text.document import (
    ENTITY_TASK,
    RELATION_TASK,
    Document,
    Entity,
    Relation,
    Sentence,
    Unaligned,
    character_pieces,
    character_span,
)

OTHER_TOKENS = "predicted on other tokens"

Span = tuple[int, int]


def on_tokens_of(gold: Document, predicted: Document) -> list[Sentence]:
    """The gold sentences with the predictions on them, for two documents of the same text."""
    if [sentence.offsets for sentence in gold.sentences] == [
        sentence.offsets for sentence in predicted.sentences
    ]:
        return list(predicted.sentences)
    cut = _Cut(gold)
    for sentence in predicted.sentences:
        cut.take(sentence)
    return cut.sentences()


@dataclass(frozen=True, slots=True)
class _Where:
    """The sentence and the tokens of each fragment; None where none are what the entity covers."""

    sentence: int
    tokens: tuple[Span, ...] | None


class _Cut:
    """The tokens of the gold sentences by their characters, and what is put on them."""

    def __init__(self, gold: Document) -> None:
        self._gold = [sentence.without_annotations() for sentence in gold.sentences]
        self._beside_gold = {item for sentence in gold.sentences for item in sentence.unaligned}
        self._firsts = [sentence.offsets[0][0] for sentence in self._gold if sentence.offsets]
        self._starts: dict[int, Span] = {}
        self._ends: dict[int, Span] = {}
        for number, sentence in enumerate(self._gold):
            for position, (start, end) in enumerate(sentence.offsets):
                self._starts[start] = (number, position)
                self._ends[end] = (number, position + 1)
        self._entities: defaultdict[int, set[Entity]] = defaultdict(set)
        self._relations: defaultdict[int, set[Relation]] = defaultdict(set)
        self._unaligned: defaultdict[int, set[Unaligned]] = defaultdict(set)

    def take(self, sentence: Sentence) -> None:
        """Put what a predicted sentence says on the gold tokens, or beside them."""
        for entity in sentence.entities:
            pieces = tuple(character_pieces(sentence, entity))
            found = self._where(pieces)
            if found.tokens is None:
                self._beside(
                    found.sentence, Unaligned(ENTITY_TASK, entity.type, pieces, (entity.type,))
                )
            else:
                self._entities[found.sentence].add(_on(found.tokens, entity))
        for link in sentence.relations:
            self._take_relation(sentence, link)
        for item in sentence.unaligned:
            self._take_unaligned(item)

    def _take_relation(self, sentence: Sentence, link: Relation) -> None:
        spans = character_span(sentence, link.head), character_span(sentence, link.tail)
        arguments = tuple(tuple(character_pieces(sentence, own)) for own in (link.head, link.tail))
        head, tail = (self._where(own) for own in arguments)
        if head.tokens and tail.tokens and head.sentence == tail.sentence:
            self._relations[head.sentence].add(
                Relation(
                    _on(head.tokens, link.head),
                    _on(tail.tokens, link.tail),
                    link.type,
                    link.confidence,
                )
            )
        else:
            item = Unaligned(RELATION_TASK, link.type, spans, (link.head.type, link.tail.type))
            if link.head.fragments or link.tail.fragments:
                item = replace(item, arguments=arguments)
            self._beside(head.sentence, item)

    def _take_unaligned(self, item: Unaligned) -> None:
        """What the predicted tokens could not express, the gold ones perhaps can.

        What gold has beside its tokens too stays there, as the fragments of an entity do where such
        are not kept.
        """
        found = [self._where(own) for own in item.arguments or [[span] for span in item.spans]]
        number = {where.sentence for where in found}
        whole = self._where(item.spans)
        if item in self._beside_gold:
            self._beside(found[0].sentence, item)
        elif item.task == ENTITY_TASK and whole.tokens:
            self._entities[whole.sentence].add(Entity.of_pieces(whole.tokens, item.type))
        elif item.task == RELATION_TASK and len(number) == 1 and all(w.tokens for w in found):
            head, tail = (
                Entity.of_pieces(where.tokens, type_)
                for where, type_ in zip(found, item.types, strict=True)
                if where.tokens
            )
            self._entities[found[0].sentence].update((head, tail))
            self._relations[found[0].sentence].add(Relation(head, tail, item.type))
        else:
            self._beside(found[0].sentence, item)

    def _beside(self, sentence: int, item: Unaligned) -> None:
        self._unaligned[sentence].add(replace(item, reason=item.reason or OTHER_TOKENS))

    def _where(self, pieces: Sequence[Span]) -> _Where:
        borders = [(self._starts.get(start), self._ends.get(end)) for start, end in pieces]
        tokens = [(first, last) for first, last in borders if first and last]
        sentences = {border[0] for pair in tokens for border in pair}
        if len(tokens) == len(pieces) and len(sentences) == 1:
            return _Where(sentences.pop(), tuple((first[1], last[1]) for first, last in tokens))
        return _Where(max(bisect_right(self._firsts, pieces[0][0]) - 1, 0), None)

    def sentences(self) -> list[Sentence]:
        """The gold sentences with all that was taken."""
        return [
            replace(
                sentence,
                entities=frozenset(self._entities[number]),
                relations=frozenset(self._relations[number]),
                unaligned=frozenset(self._unaligned[number]),
            )
            for number, sentence in enumerate(self._gold)
        ]


def _on(tokens: Sequence[Span], entity: Entity) -> Entity:
    return Entity.of_pieces(tokens, entity.type, entity.confidence)


def same_texts(gold: Sequence[Document], predicted: Sequence[Document]) -> bool:
    """Whether two corpora have the same texts in the same order."""
    return len(gold) == len(predicted) and all(
        one.text == other.text for one, other in zip(gold, predicted, strict=True)
    )
