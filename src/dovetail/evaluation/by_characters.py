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
    """The sentence and the tokens of an entity; tokens are None where none are what it covers."""

    sentence: int
    tokens: Span | None


class _Cut:
    """The tokens of the gold sentences by their characters, and what is put on them."""

    def __init__(self, gold: Document) -> None:
        self._gold = [sentence.without_annotations() for sentence in gold.sentences]
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
            span = character_span(sentence, entity)
            found = self._where(span)
            if found.tokens is None:
                self._beside(
                    found.sentence, Unaligned(ENTITY_TASK, entity.type, (span,), (entity.type,))
                )
            else:
                self._entities[found.sentence].add(_on(found.tokens, entity))
        for link in sentence.relations:
            self._take_relation(sentence, link)
        for item in sentence.unaligned:
            self._take_unaligned(item)

    def _take_relation(self, sentence: Sentence, link: Relation) -> None:
        spans = character_span(sentence, link.head), character_span(sentence, link.tail)
        head, tail = map(self._where, spans)
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
            types = (link.head.type, link.tail.type)
            self._beside(head.sentence, Unaligned(RELATION_TASK, link.type, spans, types))

    def _take_unaligned(self, item: Unaligned) -> None:
        """What the predicted tokens could not express, the gold ones perhaps can."""
        found = [self._where(span) for span in item.spans]
        number = {where.sentence for where in found}
        if item.task == ENTITY_TASK and len(found) == 1 and found[0].tokens:
            self._entities[found[0].sentence].add(Entity(*found[0].tokens, item.type))
        elif item.task == RELATION_TASK and len(number) == 1 and all(w.tokens for w in found):
            head, tail = (
                Entity(*where.tokens, type_)
                for where, type_ in zip(found, item.types, strict=True)
                if where.tokens
            )
            self._entities[found[0].sentence].update((head, tail))
            self._relations[found[0].sentence].add(Relation(head, tail, item.type))
        else:
            self._beside(found[0].sentence, item)

    def _beside(self, sentence: int, item: Unaligned) -> None:
        self._unaligned[sentence].add(replace(item, reason=item.reason or OTHER_TOKENS))

    def _where(self, span: Span) -> _Where:
        first, last = self._starts.get(span[0]), self._ends.get(span[1])
        if first is not None and last is not None and first[0] == last[0]:
            return _Where(first[0], (first[1], last[1]))
        return _Where(max(bisect_right(self._firsts, span[0]) - 1, 0), None)

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


def _on(tokens: Span, entity: Entity) -> Entity:
    return Entity(*tokens, entity.type, entity.confidence)


def same_texts(gold: Sequence[Document], predicted: Sequence[Document]) -> bool:
    """Whether two corpora have the same texts in the same order."""
    return len(gold) == len(predicted) and all(
        one.text == other.text for one, other in zip(gold, predicted, strict=True)
    )
