"""Choices that are made on the dev set: the best epoch, and a threshold for each relation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dovetail.document import Relation, Sentence
from dovetail.evaluation import Evaluation

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
    """For each relation type, the threshold with the highest strict F1 on these sentences.

    `candidates` are the gold sentences with every relation on them that the model gives any
    probability above `LOWEST`, the probability as its confidence.  A type that never occurs in
    gold, or is never found, keeps 0.5.
    """
    return [
        _best_threshold(*_scored(gold, candidates, relation_type))
        for relation_type in relation_types
    ]


def _scored(
    gold: Sequence[Sentence], candidates: Sequence[Sentence], relation_type: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Probabilities of the candidates of a type, whether each is right, and how many are gold."""
    found: list[tuple[float, bool]] = []
    num_gold = 0
    for truth, sentence in zip(gold, candidates, strict=True):
        relations = {r for r in truth.relations if r.type == relation_type}
        num_gold += len(relations)
        found += [
            (_probability(relation), relation in relations)
            for relation in sentence.relations
            if relation.type == relation_type
        ]
    found.sort(reverse=True)
    return (
        np.array([probability for probability, _ in found]),
        np.array([right for _, right in found], dtype=bool),
        num_gold,
    )


def _probability(relation: Relation) -> float:
    if relation.confidence is None:
        raise ValueError(f"the candidate {relation} has no confidence to tune a threshold by")
    return relation.confidence


def _best_threshold(
    probabilities: NDArray[np.float64], right: NDArray[np.bool_], num_gold: int
) -> float:
    """The middle of the gap below the last candidate that is worth accepting.

    Of equally good thresholds the one nearest to 0.5 is taken.
    """
    if not right.any():
        return 0.5
    accepted = np.arange(1, len(right) + 1)
    f1 = 2 * right.cumsum() / (accepted + num_gold)
    gaps = (probabilities + np.append(probabilities[1:], LOWEST)) / 2
    thresholds = np.clip(gaps, LOWEST, HIGHEST)
    # Candidates of the same probability are accepted together: only the last of them is a cut.
    is_cut = np.append(probabilities[:-1] > probabilities[1:], True)
    best = np.flatnonzero(is_cut & (f1 >= f1[is_cut].max() - 1e-12))
    return float(thresholds[best[np.abs(thresholds[best] - 0.5).argmin()]])
