"""Choices that are made on the dev set: the best epoch, and a threshold for each relation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dovetail.document import Relation, Sentence
from dovetail.evaluation import Evaluation, Score

DEFAULT = 0.5

FOLDS = 5

LOWEST, HIGHEST = 0.05, 0.95
"""Thresholds stay within: a handful of dev relations should not switch a type off or flood it."""


def score_of(evaluation: Evaluation, select: str) -> float:
    """The score that the best epoch is chosen by: "entity", "relation" or their "mean"."""
    scores = {
        "entity": evaluation.entity_strict.micro.f1,
        "relation": evaluation.relation_strict.micro.f1,
        "mean": evaluation.mean_f1,
    }
    return scores[select]


def tuned_thresholds(
    gold: Sequence[Sentence], candidates: Sequence[Sentence], relation_types: Sequence[str]
) -> list[float]:
    """A threshold for each relation type: the best on these sentences, where that is worth it.

    The best threshold of a few dozen relations is often worse than 0.5 on other sentences.  So it
    is taken only if thresholds found in the same way on four fifths of the sentences beat 0.5 on
    the fifth that is left, over all five; otherwise, and for a type that never occurs or is never
    found, the threshold is 0.5.

    `candidates` are the gold sentences with every relation on them that the model gives any
    probability above `LOWEST`, the probability as its confidence.
    """
    thresholds = []
    for relation_type in relation_types:
        scored = [
            Scored.of_type(relation_type, truth, sentence)
            for truth, sentence in zip(gold, candidates, strict=True)
        ]
        thresholds.append(best_threshold(scored) if _is_worth_it(scored) else DEFAULT)
    return thresholds


@dataclass(frozen=True)
class Scored:
    """The candidates of one type in one sentence: probability, whether right; and the gold ones."""

    candidates: tuple[tuple[float, bool], ...]
    num_gold: int

    @classmethod
    def of_type(cls, relation_type: str, truth: Sentence, sentence: Sentence) -> Scored:
        relations = {r for r in truth.relations if r.type == relation_type}
        found = tuple(
            (_probability(relation), relation in relations)
            for relation in sentence.relations
            if relation.type == relation_type
        )
        return cls(found, len(relations))


def _probability(relation: Relation) -> float:
    if relation.confidence is None:
        raise ValueError(f"the candidate {relation} has no confidence to tune a threshold by")
    return relation.confidence


def _is_worth_it(scored: Sequence[Scored]) -> bool:
    """Whether tuned thresholds beat the default on sentences that they were not tuned on."""
    tuned = Score(0, 0, 0)
    for fold in range(FOLDS):
        rest = [item for index, item in enumerate(scored) if index % FOLDS != fold]
        tuned = _sum(tuned, _score(scored[fold::FOLDS], best_threshold(rest)))
    return tuned.f1 > _score(scored, DEFAULT).f1


def _score(scored: Sequence[Scored], threshold: float) -> Score:
    accepted = [right for item in scored for p, right in item.candidates if p >= threshold]
    true_positives = sum(accepted)
    num_gold = sum(item.num_gold for item in scored)
    return Score(true_positives, len(accepted) - true_positives, num_gold - true_positives)


def _sum(one: Score, other: Score) -> Score:
    return Score(
        one.true_positives + other.true_positives,
        one.false_positives + other.false_positives,
        one.false_negatives + other.false_negatives,
    )


def best_threshold(scored: Sequence[Scored]) -> float:
    """The threshold with the highest F1: the middle of the gap below the last one to accept.

    Of equally good thresholds the one nearest to the default is taken.
    """
    ranked = sorted((pair for item in scored for pair in item.candidates), reverse=True)
    probabilities = np.array([probability for probability, _ in ranked])
    right = np.array([is_right for _, is_right in ranked], dtype=bool)
    if not right.any():
        return DEFAULT
    num_gold = sum(item.num_gold for item in scored)
    f1 = 2 * right.cumsum() / (np.arange(1, len(right) + 1) + num_gold)
    gaps = (probabilities + np.append(probabilities[1:], LOWEST)) / 2
    thresholds = np.clip(gaps, LOWEST, HIGHEST)
    # Candidates of the same probability are accepted together: only the last of them is a cut.
    is_cut = np.append(probabilities[:-1] > probabilities[1:], True)
    best = np.flatnonzero(is_cut & (f1 >= f1[is_cut].max() - 1e-12))
    return float(thresholds[best[np.abs(thresholds[best] - DEFAULT).argmin()]])
