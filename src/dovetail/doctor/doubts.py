"""Doubtful annotations: those that a model of other sentences is sure are others.

The idea is that of C. Brodley and M. Friedl, "Identifying mislabeled training data" (1999): whoever
learned from other sentences has not learned the mistakes of this one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dovetail.doctor.places import said_of
from dovetail.evaluation import errors_by_kind
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence

LEVELS = (0.9, 0.95, 0.98, 0.99)
"""The probabilities from which a model is sure, more or less."""

DOUBTED = 0.5
"""The probability of being wrong from which an annotation is listed."""

Item = Entity | Relation


class DoubtKind(StrEnum):
    """What the models would have in place of an annotation."""

    OTHER = "other"
    """An annotation of another type or with other borders."""
    NONE = "none"
    """No annotation here."""
    MISSING = "missing"
    """An annotation where there is none."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One doubtful annotation of a sentence; `confidence` is the probability that it is wrong."""

    sentence: Sentence
    kind: DoubtKind
    task: str
    confidence: float
    gold: Item | None = None
    predicted: Item | None = None

    def __str__(self) -> str:
        here, others = (
            said_of(self.sentence, item) if item else "nothing"
            for item in (self.gold, self.predicted)
        )
        return f"{here}; the models say {others} ({self.confidence:.2f})"

    def to_dict(self) -> dict[str, Any]:
        """The doubt as JSON values."""
        return {
            "task": self.task,
            "kind": self.kind,
            "confidence": round(self.confidence, 4),
            "annotated": said_of(self.sentence, self.gold) if self.gold else None,
            "models_say": said_of(self.sentence, self.predicted) if self.predicted else None,
        }


@dataclass
class Sure:
    """What models are sure of from a level on, what of it is not annotated so, and the expected.

    `expected` is how much would not be if they are as often wrong as they say.
    """

    level: float
    number: int = 0
    against: int = 0
    expected: float = 0.0

    @property
    def excess(self) -> float:
        """How much more is against the models than they expect."""
        return self.against - self.expected


@dataclass
class Doubts:
    """The doubts about some sentences, and how much the models are sure of, from each level on."""

    all: list[Doubt] = field(default_factory=list)
    sure: list[Sure] = field(default_factory=lambda: [Sure(level) for level in LEVELS])

    def ranked(self) -> list[Doubt]:
        """The doubts, the rarest first: of a task and kind those of which few are as certain.

        A model that misses every fifth relation doubts every fifth, which says little of each; that
        it is sure of another type is rare.
        """
        of_kind: defaultdict[tuple[str, DoubtKind], list[float]] = defaultdict(list)
        for doubt in self.all:
            of_kind[doubt.task, doubt.kind].append(round(doubt.confidence, 2))

        def rank(doubt: Doubt) -> tuple[int, float]:
            others = of_kind[doubt.task, doubt.kind]
            as_certain = sum(own >= round(doubt.confidence, 2) for own in others)
            return as_certain, -doubt.confidence

        return sorted(self.all, key=rank)

    def count(self, confidence: float | None, *, is_right: bool) -> None:
        """Take in a prediction, right or not as far as the annotations say."""
        for own in self.sure:
            if confidence is not None and confidence >= own.level:
                own.number += 1
                own.against += not is_right
                own.expected += 1 - confidence

    def add_entities(
        self,
        gold: Sequence[Sentence],
        predicted: Sequence[Sentence],
        probability_of_gold: Sequence[Mapping[Entity, float]],
    ) -> None:
        """Compare annotated entities with those that a model finds.

        Args:
            gold: sentences that the model has not learned from.
            predicted: the same with what it finds.
            probability_of_gold: what it gives to each annotated entity, where that is known.
        """
        errors = errors_by_kind(gold, predicted)
        rows = zip(gold, predicted, errors, probability_of_gold, strict=True)
        for truth, guess, wrong, probabilities in rows:
            if ENTITY_TASK not in truth.annotated:
                continue
            for entity in guess.entities:
                self.count(entity.confidence, is_right=entity in truth.entities)
            for error in wrong.entities:
                if error.predicted is None:
                    doubted = 1 - probabilities.get(error.entity, 1.0)
                    self._add(truth, DoubtKind.NONE, ENTITY_TASK, doubted, error.gold, None)
                else:
                    kind = DoubtKind.OTHER if error.gold else DoubtKind.MISSING
                    doubted = error.predicted.confidence or 0.0
                    self._add(truth, kind, ENTITY_TASK, doubted, error.gold, error.predicted)

    def add_relations(self, gold: Sequence[Sentence], weighed: Sequence[Sentence]) -> None:
        """Compare annotated relations with all that a model gives a probability between entities.

        Those of symmetric types have been written from the entity that comes first, on both sides.
        """
        for truth, guess in zip(gold, weighed, strict=True):
            if RELATION_TASK not in truth.annotated:
                continue
            given = {link: link.confidence or 0.0 for link in guess.relations}
            for link, probability in given.items():
                self.count(probability, is_right=link in truth.relations)
            unsaid = truth.relations - {own for own, p in given.items() if p > 1 - DOUBTED}
            others = {own for own, p in given.items() if p >= DOUBTED} - truth.relations
            for link in sorted(unsaid):
                other = next((own for own in sorted(others) if _same_pair(own, link)), None)
                if not {link.head, link.tail} <= guess.entities:
                    continue  # the model cannot express an argument, which says nothing of this
                doubted = 1 - given.get(link, 0.0)
                kind = DoubtKind.NONE
                if other is not None:
                    others.discard(other)
                    doubted, kind = min(doubted, given[other]), DoubtKind.OTHER
                self._add(truth, kind, RELATION_TASK, doubted, link, other)
            for link in sorted(others):
                self._add(truth, DoubtKind.MISSING, RELATION_TASK, given[link], None, link)

    def _add(
        self,
        sentence: Sentence,
        kind: DoubtKind,
        task: str,
        confidence: float,
        gold: Item | None,
        predicted: Item | None,
    ) -> None:
        if confidence >= DOUBTED:
            self.all.append(Doubt(sentence, kind, task, confidence, gold, predicted))


def _same_pair(one: Relation, other: Relation) -> bool:
    return {one.head, one.tail} == {other.head, other.tail}


def by_sentence(doubts: Iterable[Doubt]) -> dict[Sentence, list[Doubt]]:
    """The doubts about each sentence, in the order in which they are given."""
    found: dict[Sentence, list[Doubt]] = {}
    for doubt in doubts:
        found.setdefault(doubt.sentence, []).append(doubt)
    return found
