"""Cards of a page: one for each telling sentence, with both sides and its errors in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.evaluation import EntityError
from dovetail.report.marked_sentences import MarkedSentence, Named, Names, marked_sentences
from dovetail.report.report_tables import key_of
from dovetail.report.scored import ScoredCorpus
from dovetail.report.telling import TellingSentence, WeighedError
from dovetail.text.document import Entity, Relation


@dataclass(frozen=True, slots=True)
class Phrase:
    """An annotation in words: one entity, or two with what links them."""

    head: Named
    type: str
    tail: Named | None = None


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
    follows: bool


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
    names = Names(sentence.gold, sentence.predicted)
    return Card(
        sentence.number,
        sentence.gold.id,
        sentence.errors[0].weight,
        gold,
        predicted,
        sentence.gold.annotated,
        [_line(error, names) for error in sentence.errors],
    )


def _line(weighed: WeighedError, names: Names) -> ErrorLine:
    error = weighed.error
    task = "entity" if isinstance(error, EntityError) else "relation"
    return ErrorLine(
        key=key_of(task, error.kind),
        task=task,
        kind=error.kind.value,
        gold=_phrase(error.gold, names),
        predicted=_phrase(error.predicted, names),
        confidence=error.predicted.confidence if error.predicted else None,
        consequences=weighed.consequences,
        probability=weighed.probability,
        follows=weighed.follows,
    )


def _phrase(side: Entity | Relation | None, names: Names) -> Phrase | None:
    if side is None:
        return None
    if isinstance(side, Entity):
        return Phrase(names[side], side.type)
    return Phrase(names[side.head], side.type, names[side.tail])
