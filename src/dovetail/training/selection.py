"""Choices that are made on the dev set: the best epoch, and a threshold for each relation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dovetail.evaluation import Evaluation, Score
from dovetail.evaluation.facts import Fact, relation_fact, relations_strict
from dovetail.text.document import RELATION_TASK, Relation, Sentence

DEFAULT = 0.5

LOWEST, HIGHEST = 0.2, 0.8
"""Thresholds stay within: dev facts should not switch a type off or flood it."""

DEVIATIONS = 1.96
"""Standard deviations to the ends of the interval that a move has to pay at: one of 95 %."""


def score_of(evaluation: Evaluation, select: str) -> float:
    """The score that the best epoch is chosen by: "entity", "relation" or their "mean"."""
    scores = {
        "entity": evaluation.entity_strict.micro.f1,
        "relation": evaluation.relation_strict.micro.f1,
        "mean": evaluation.mean_f1,
    }
    return scores[select]


def tuned_thresholds(
    gold: Sequence[Sentence],
    candidates: Sequence[Sentence],
    relation_types: Sequence[str],
    *,
    symmetric: frozenset[str] = frozenset(),
) -> list[float]:
    """A threshold for each relation type, as far from 0.5 as the dev facts speak for it.

    What is sought is the micro-F1 of all relations.  To move one type's threshold decides about the
    candidates between it and 0.5.  With F the F1 of all relations, accepting m of them of which r
    are right makes it better if 2r > F·m, and worse otherwise.  The share r/m is known of m facts
    only, so the end of its 95 % interval (Wilson) that speaks for 0.5 has to pay: few facts move
    nothing, many move what they agree about.  Each type takes the move that pays most in this
    sense; then F is counted anew, and so on while it grows.

    The F1 of the result on these sentences is never below that of 0.5, as `evaluate` counts it.

    Args:
        gold: annotated sentences; those that are not annotated for relations have no say.
        candidates: the same sentences with every relation on them that the model gives a
            probability of at least `LOWEST`, the probability as its confidence.
        relation_types: the types that the model knows.
        symmetric: those whose two directions count as one.
    """
    decided = Decided.between(gold, candidates, symmetric)
    chosen = best = dict.fromkeys(relation_types, DEFAULT)
    f1, reached = -1.0, decided.f1(best)
    best_f1 = reached
    while reached > f1:  # it takes finitely many values, so this ends
        f1 = reached
        chosen = {type_: decided.of_type(type_).threshold(f1) for type_ in relation_types}
        reached = decided.f1(chosen)
        if reached > best_f1:
            best, best_f1 = chosen, reached
    return [best[type_] for type_ in relation_types]


def with_thresholds(
    candidates: Iterable[Sentence], threshold_by_type: Mapping[str, float]
) -> list[Sentence]:
    """The sentences with those of their relations that reach the threshold of their type."""
    return [
        replace(
            sentence,
            relations=frozenset(
                relation
                for relation in sentence.relations
                if _probability(relation) >= threshold_by_type[relation.type]
            ),
        )
        for sentence in candidates
    ]


def _probability(relation: Relation) -> float:
    if relation.confidence is None:
        raise ValueError(f"the candidate {relation} has no confidence to tune a threshold by")
    return relation.confidence


@dataclass(frozen=True)
class OfType:
    """The candidates of one type, the most probable first, and which of them are right."""

    probabilities: NDArray[np.float64]
    right: NDArray[np.bool_]

    @classmethod
    def from_pairs(cls, pairs: Collection[tuple[float, bool]]) -> OfType:
        ranked = sorted(pairs, reverse=True)
        return cls(
            np.array([probability for probability, _ in ranked], dtype=np.float64),
            np.array([is_right for _, is_right in ranked], dtype=bool),
        )

    def reaching(self, threshold: float) -> tuple[int, int]:
        """How many candidates reach a threshold, and how many of these are right."""
        accepted = self.probabilities >= threshold
        return int(accepted.sum()), int(self.right[accepted].sum())

    def threshold(self, f1: float) -> float:
        """The move that pays most where the F1 of all relations is known; 0.5 if none does."""
        fall, lower = self._lowered(f1)
        rise, higher = self._raised(f1)
        if max(fall, rise) <= 0:
            return DEFAULT
        return lower if fall >= rise else higher

    def _lowered(self, f1: float) -> tuple[float, float]:
        """The best threshold below 0.5, with what it wins at the low end of the interval."""
        inside = (self.probabilities < DEFAULT) & (self.probabilities >= LOWEST)
        probabilities, right = self.probabilities[inside], self.right[inside]
        number = np.arange(1, len(right) + 1)
        gains = number * (2 * share_at_least(right.cumsum(), number) - f1)
        return _best_cut(probabilities, gains, end=LOWEST)

    def _raised(self, f1: float) -> tuple[float, float]:
        """The best threshold above 0.5, with what it wins at the high end of the interval."""
        inside = (self.probabilities >= DEFAULT) & (self.probabilities < HIGHEST)
        probabilities, right = self.probabilities[inside][::-1], self.right[inside][::-1]
        number = np.arange(1, len(right) + 1)
        gains = number * (f1 - 2 * (1 - share_at_least((~right).cumsum(), number)))
        return _best_cut(probabilities, gains, end=HIGHEST)


@dataclass(frozen=True)
class Decided:
    """All that thresholds decide about: candidates by type, and how many facts there are."""

    by_type: Mapping[str, OfType]
    num_gold: int

    @classmethod
    def between(
        cls, gold: Sequence[Sentence], candidates: Sequence[Sentence], symmetric: frozenset[str]
    ) -> Decided:
        """Compare candidates with gold annotations, fact by fact as `evaluate` does."""
        pairs: dict[str, list[tuple[float, bool]]] = {}
        num_gold = 0
        for truth, sentence in zip(gold, candidates, strict=True):
            if RELATION_TASK not in truth.annotated:
                continue
            facts = relations_strict(symmetric)(truth)
            num_gold += len(facts)
            found: dict[Fact, float] = {}
            for relation in sentence.relations:
                fact = relation_fact(relation, symmetric)
                found[fact] = max(found.get(fact, 0.0), _probability(relation))
            for fact, probability in found.items():
                pairs.setdefault(fact[0], []).append((probability, fact in facts))
        return cls({type_: OfType.from_pairs(own) for type_, own in pairs.items()}, num_gold)

    def of_type(self, type_: str) -> OfType:
        """The candidates of a type."""
        return self.by_type.get(type_) or OfType.from_pairs(())

    def f1(self, threshold_by_type: Mapping[str, float]) -> float:
        """Micro-F1 of all relations with these thresholds."""
        counts = [own.reaching(threshold_by_type[type_]) for type_, own in self.by_type.items()]
        predicted = sum(accepted for accepted, _ in counts)
        right = sum(true for _, true in counts)
        return Score(right, predicted - right, self.num_gold - right).f1


def share_at_least(successes: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.float64]:
    """The lower end of Wilson's interval for a share of which some tries are known."""
    square = DEVIATIONS**2
    share = successes / number
    spread = DEVIATIONS * np.sqrt(share * (1 - share) / number + square / (4 * number**2))
    low: NDArray[np.float64] = (share + square / (2 * number) - spread) / (1 + square / number)
    return low


def _best_cut(
    probabilities: NDArray[np.float64], gains: NDArray[np.float64], *, end: float
) -> tuple[float, float]:
    """The highest gain, and the threshold behind the last candidate that it takes.

    The candidates go away from 0.5; the last of them is followed by the end.
    """
    if not len(gains):
        return 0.0, DEFAULT
    following = np.append(probabilities[1:], end)
    # Candidates of the same probability are decided together: only the last of them is a cut.
    is_cut = np.append(probabilities[:-1] != probabilities[1:], True)
    place = int(np.where(is_cut, gains, -np.inf).argmax())  # the first is nearest to 0.5
    low, high = sorted((float(probabilities[place]), float(following[place])))
    # A model holds its thresholds in single precision, in which the middle may be one of the two.
    middle = float(np.float32((low + high) / 2))
    return float(gains[place]), middle if low < middle <= high else high
