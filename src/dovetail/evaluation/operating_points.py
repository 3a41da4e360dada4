"""Thresholds for a wanted precision or recall, and what annotated sentences say of them.

What cannot be reached is said, with the best that can be, and how many examples that stands on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dovetail.evaluation.calibration import Judged, share_interval
from dovetail.evaluation.scores import Interval

Goal = Literal["precision", "recall"]

ENOUGH = 10
"""Predictions that a precision has to stand on: with fewer, chance reaches any."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted: so much precision, or so much recall."""

    goal: Goal
    share: float

    def __str__(self) -> str:
        return f"{self.goal} {self.share:g}"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and the share that is reached with it, `right` of `number` examples.

    For a precision these are predictions, for a recall annotations.  `interval` is that of the
    share, of 95 %; with no examples it is all there can be.
    """

    threshold: float
    right: int
    number: int
    is_reached: bool

    @property
    def share(self) -> float:
        """The share; 0 of nothing."""
        return self.right / self.number if self.number else 0.0

    @property
    def interval(self) -> Interval:
        """Where the share is with other sentences of the kind."""
        return share_interval(self.right, self.number) if self.number else Interval(0.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """The point as JSON values."""
        interval = [self.interval.low, self.interval.high]
        return {**asdict(self), "share": self.share, "interval": interval}


def operating_point(
    candidates: Sequence[Judged], num_gold: int, wanted: Wanted
) -> OperatingPoint | None:
    """The threshold that reaches what is wanted and costs the least of the other; None of nothing.

    For a precision that is the lowest of those with which it is reached, for a recall the highest.
    Where none reaches it, it is the one that comes nearest.

    Args:
        candidates: all predictions that a threshold may take, with their confidences.
        num_gold: how many annotations there are to be found.
        wanted: the precision or recall.
    """
    if not candidates or (wanted.goal == "recall" and not num_gold):
        return None
    ranked = sorted(candidates, key=lambda own: -own[0])
    confidences = _in_singles(np.array([own for own, _ in ranked], dtype=np.float64))
    right = np.cumsum([is_right for _, is_right in ranked])
    # Candidates of the same confidence are taken together.
    cuts = np.flatnonzero(np.append(confidences[:-1] != confidences[1:], True))
    if wanted.goal == "recall":
        return _for_recall(confidences, right, cuts, num_gold, wanted.share)
    return _for_precision(confidences, right, cuts, wanted.share)


def _in_singles(confidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Confidences rounded down to single precision, in which thresholds are held.

    One reaches such a threshold exactly if it does so rounded down; those that are then the same
    are told apart by none.
    """
    singles = confidences.astype(np.float32)
    # Compared in doubles: beside a number of single precision, numpy rounds a double first.
    above = singles.astype(np.float64) > confidences
    singles[above] = np.nextafter(singles[above], np.float32(0))
    return singles.astype(np.float64)


def _for_recall(
    confidences: NDArray[np.float64],
    right: NDArray[np.int64],
    cuts: NDArray[np.int64],
    num_gold: int,
    share: float,
) -> OperatingPoint:
    reaching = cuts[right[cuts] >= share * num_gold]
    # Without one that reaches it: the first that finds all that can be found.
    best = reaching[0] if len(reaching) else cuts[right[cuts] == right[-1]][0]
    threshold = _behind(confidences, int(best))
    return OperatingPoint(threshold, int(right[best]), num_gold, bool(len(reaching)))


def _for_precision(
    confidences: NDArray[np.float64],
    right: NDArray[np.int64],
    cuts: NDArray[np.int64],
    share: float,
) -> OperatingPoint:
    numbers = cuts + 1
    enough = cuts[numbers >= min(ENOUGH, len(confidences))]
    precisions = right[enough] / (enough + 1)
    reaching = enough[precisions >= share]
    best = int(reaching[-1] if len(reaching) else enough[precisions.argmax()])
    is_reached = bool(len(reaching)) and best + 1 >= ENOUGH
    return OperatingPoint(_behind(confidences, best), int(right[best]), best + 1, is_reached)


def _behind(confidences: NDArray[np.float64], place: int) -> float:
    """A threshold between the last candidate that is taken and the first that is not.

    Single precision may round the middle to one of the two.
    """
    last = float(confidences[place])
    following = float(confidences[place + 1]) if place + 1 < len(confidences) else None
    if following is not None:
        middle = float(np.float32((last + following) / 2))
        if following < middle <= last:
            return middle
    return last
