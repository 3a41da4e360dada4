"""Cards of a page: one for each telling sentence, with both sides and its errors in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.evaluation import EntityError, RelationError
from dovetail.report.marked import MarkedSentence, marked_sentences, words
from dovetail.report.scored import ScoredCorpus
from dovetail.report.tables import key_of
from dovetail.report.telling import TellingSentence, WeighedError


@dataclass(frozen=True, slots=True)
class Phrase:
    """An annotation in words: one entity, or two with what links them."""

    head: str
    type: str
    tail: str = ""


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """An error in words."""

    key: str
    task: str
    kind: str
    gold: Phrase | None
    predicted: Phrase | None
    confidence: float | None
    consequences: int
    probability: float | None
    is_consequence: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A sentence with both sides and what is wrong."""

    number: int
    id: str
    weight: float
    gold: MarkedSentence
    predicted: MarkedSentence
    gold_tasks: frozenset[str]
    errors: Sequence[ErrorLine]

    @property
    def keys(self) -> str:
        """The kinds of its errors, between spaces."""
        return " ".join(dict.fromkeys(error.key for error in self.errors))


def cards(corpus: ScoredCorpus) -> list[Card]:
    """The telling sentences, ready to be shown."""
    return [_card(sentence, corpus.symmetric) for sentence in corpus.telling]


def _card(sentence: TellingSentence, symmetric: frozenset[str]) -> Card:
    gold, predicted = marked_sentences(sentence.gold, sentence.predicted, symmetric)
    return Card(
        sentence.number,
        sentence.gold.id,
        sentence.errors[0].weight,
        gold,
        predicted,
        sentence.gold.annotated,
        [_line(error, sentence) for error in sentence.errors],
    )


def _line(weighed: WeighedError, sentence: TellingSentence) -> ErrorLine:
    error = weighed.error
    if isinstance(error, EntityError):
        task = "entity"
        sides = [
            side and Phrase(words(sentence.gold, side), side.type)
            for side in (error.gold, error.predicted)
        ]
    else:
        task = "relation"
        sides = [
            side
            and Phrase(words(sentence.gold, side.head), side.type, words(sentence.gold, side.tail))
            for side in (error.gold, error.predicted)
        ]
    return ErrorLine(
        key=key_of(task, error.kind),
        task=task,
        kind=error.kind.value,
        gold=sides[0],
        predicted=sides[1],
        confidence=error.predicted.confidence if error.predicted else None,
        consequences=weighed.consequences,
        probability=weighed.probability,
        is_consequence=isinstance(error, RelationError) and bool(error.causes),
    )
