"""Whether confidences mean what they say: of all that is predicted with 0.8, 80 % should be right.

After M. P. Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using
Bayesian binning" (2015), for the expected calibration error, and E. B. Wilson, "Probable inference,
the law of succession, and statistical inference" (1927), for the interval of a share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from dovetail.evaluation.facts import relation_fact
from dovetail.evaluation.scores import Interval
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence

BINS = 10

_QUANTILE = 1.959964
"""Of the normal distribution, for 95 %."""

Judged = tuple[float, bool]
"""The confidence of a prediction, and whether it is right."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The predictions whose confidence is between two borders, of which the lower one counts.

    `right` is the share of them that is right, `interval` the 95 % interval of that share.
    """

    low: float
    high: float
    count: int
    confidence: float
    right: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """The bins that are not empty, and what they come to.

    `expected_error` is the mean distance between confidence and share of right ones over bins,
    weighted by their counts; 0 without predictions.
    """

    bins: tuple[CalibrationBin, ...]
    count: int
    expected_error: float


def calibration(judged: Iterable[Judged], *, bins: int = BINS) -> Calibration:
    """Sort predictions into bins of equal width.

    Raises:
        ValueError: if a confidence is not between 0 and 1.
    """
    members: list[list[Judged]] = [[] for _ in range(bins)]
    for confidence, right in judged:
        if not 0 <= confidence <= 1:
            raise ValueError(f"a confidence is {confidence}, expected a number between 0 and 1")
        members[min(int(confidence * bins), bins - 1)].append((confidence, right))
    filled = tuple(
        _bin(number / bins, (number + 1) / bins, inside)
        for number, inside in enumerate(members)
        if inside
    )
    count = sum(bin_.count for bin_ in filled)
    distance = sum(bin_.count * abs(bin_.confidence - bin_.right) for bin_ in filled)
    return Calibration(filled, count, distance / count if count else 0.0)


def _bin(low: float, high: float, inside: Sequence[Judged]) -> CalibrationBin:
    times = sum(right for _, right in inside)
    return CalibrationBin(
        low=low,
        high=high,
        count=len(inside),
        confidence=fmean(confidence for confidence, _ in inside),
        right=times / len(inside),
        interval=share_interval(times, len(inside)),
    )


def share_interval(part: int, whole: int) -> Interval:
    """The 95 % interval of a share, after Wilson; `whole` is above 0."""
    share, squared = part / whole, _QUANTILE**2
    centre = share + squared / (2 * whole)
    spread = _QUANTILE * math.sqrt(share * (1 - share) / whole + squared / (4 * whole**2))
    scale = 1 + squared / whole
    # It holds the share itself, also where rounding would say otherwise.
    return Interval(min(share, (centre - spread) / scale), max(share, (centre + spread) / scale))


def judged_entities(gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> list[Judged]:
    """The predicted entities that have a confidence; right in the strict sense, or not."""
    return [pair for own in entities_by_type(gold, predicted).values() for pair in own]


def entities_by_type(
    gold: Sequence[Sentence], predicted: Sequence[Sentence]
) -> dict[str, list[Judged]]:
    """The same by the types that were predicted, sorted by name."""
    judged: defaultdict[str, list[Judged]] = defaultdict(list)
    for truth, guess in zip(gold, predicted, strict=True):
        if ENTITY_TASK not in truth.annotated:
            continue
        for entity in guess.sorted_entities:
            if entity.confidence is not None:
                judged[entity.type].append((entity.confidence, entity in truth.entities))
    return dict(sorted(judged.items()))


def judged_relations(
    gold: Sequence[Sentence],
    predicted: Sequence[Sentence],
    *,
    symmetric: frozenset[str] = frozenset(),
    between_right_entities: bool = False,
) -> list[Judged]:
    """The predicted relations that have a confidence; right in the strict sense, or not.

    The confidence of a relation takes its two entities for granted.  What it says of itself shows
    when relations with a wrong entity are left out: `between_right_entities`.
    """
    by_type = relations_by_type(
        gold, predicted, symmetric=symmetric, between_right_entities=between_right_entities
    )
    return [pair for own in by_type.values() for pair in own]


def relations_by_type(
    gold: Sequence[Sentence],
    predicted: Sequence[Sentence],
    *,
    symmetric: frozenset[str] = frozenset(),
    between_right_entities: bool = False,
) -> dict[str, list[Judged]]:
    """The same by the types that were predicted, sorted by name."""
    judged: defaultdict[str, list[Judged]] = defaultdict(list)
    for truth, guess in zip(gold, predicted, strict=True):
        if RELATION_TASK not in truth.annotated:
            continue
        facts = {relation_fact(relation, symmetric) for relation in truth.relations}
        for relation in guess.sorted_relations:
            apart = between_right_entities and not (
                {relation.head, relation.tail} <= truth.entities
            )
            if relation.confidence is not None and not apart:
                is_right = relation_fact(relation, symmetric) in facts
                judged[relation.type].append((relation.confidence, is_right))
    return dict(sorted(judged.items()))
