"""Thresholds for a precision or a recall, against trying them all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dovetail.evaluation.operating_points import ENOUGH, Goal, Wanted, operating_point

Pairs = list[tuple[float, bool]]

single = st.floats(0.0625, 1, width=32)
pairs = st.lists(st.tuples(single, st.booleans()), min_size=1, max_size=40)
shares = st.floats(0.05, 1)


def taken(candidates: Pairs, threshold: float) -> tuple[int, int]:
    """How many reach a threshold, and how many of these are right."""
    right = [is_right for own, is_right in candidates if own >= threshold]
    return len(right), sum(right)


@settings(deadline=None)
@given(candidates=pairs, share=shares)
def test_a_precision_takes_as_much_as_it_can(candidates: Pairs, share: float) -> None:
    point = operating_point(candidates, 0, Wanted("precision", share))
    assert point is not None
    assert (point.number, point.right) == taken(candidates, point.threshold)
    least = min(ENOUGH, len(candidates))
    others = [taken(candidates, own) for own, _ in candidates]
    reaching = [number for number, right in others if number >= least and right >= share * number]
    if point.is_reached:
        assert point.share >= share
        assert point.number == max(reaching)
    else:
        assert not reaching or max(reaching) < ENOUGH
        best = max(right / number for number, right in others if number >= least)
        assert point.share == pytest.approx(best) or reaching
    assert point.share in point.interval


@settings(deadline=None)
@given(candidates=pairs, share=shares, missed=st.integers(0, 10))
def test_a_recall_takes_no_more_than_it_needs(candidates: Pairs, share: float, missed: int) -> None:
    gold = sum(right for _, right in candidates) + missed
    assume(gold)
    point = operating_point(candidates, gold, Wanted("recall", share))
    assert point is not None
    assert point.number == gold
    number, right = taken(candidates, point.threshold)
    assert right == point.right
    reaching = [
        n for n, r in (taken(candidates, own) for own, _ in candidates) if r >= share * gold
    ]
    assert point.is_reached == bool(reaching)
    if reaching:
        assert number == min(reaching)
    else:
        assert right == gold - missed


def test_a_threshold_in_single_precision_lets_its_last_candidate_through() -> None:
    candidates = [(0.9, True)] * 9 + [(0.1, True)]  # the single next to 0.1 is above it
    point = operating_point(candidates, 10, Wanted("recall", 1.0))
    assert point is not None
    assert point.share == 1.0
    assert point.is_reached
    assert taken(candidates, float(np.float32(point.threshold))) == (10, 10)


near = st.builds(lambda own, steps: own - steps * 1e-9, st.floats(0.0625, 1), st.integers(0, 3))


@settings(deadline=None)
@given(
    candidates=st.lists(st.tuples(near, st.booleans()), min_size=1, max_size=40),
    share=shares,
    goal=st.sampled_from(["precision", "recall"]),
)
def test_what_is_promised_of_doubles_holds_for_the_threshold_that_is_stored(
    candidates: Pairs, share: float, goal: Goal
) -> None:
    gold = sum(right for _, right in candidates)
    assume(gold)
    point = operating_point(candidates, gold, Wanted(goal, share))
    assert point is not None
    assert float(np.float32(point.threshold)) == point.threshold
    number, right = taken(candidates, point.threshold)
    assert right == point.right
    assert point.number == (number if goal == "precision" else gold)
    assert point.is_reached or goal == "precision"


def test_what_cannot_be_reached_is_told_with_the_best() -> None:
    candidates = [(0.9 - n / 100, n % 2 == 0) for n in range(40)]
    point = operating_point(candidates, 30, Wanted("precision", 0.9))
    assert point is not None
    assert not point.is_reached
    assert point.number >= ENOUGH
    assert 0.5 <= point.share < 0.6
    assert point.interval.low < 0.5 < point.interval.high
    point = operating_point(candidates, 30, Wanted("recall", 0.9))
    assert point is not None
    assert (point.right, point.number, point.is_reached) == (20, 30, False)


def test_few_examples_reach_no_precision_and_nothing_has_no_threshold() -> None:
    point = operating_point([(0.9, True)] * 3, 3, Wanted("precision", 0.5))
    assert point is not None
    assert not point.is_reached
    assert operating_point([], 3, Wanted("precision", 0.5)) is None
    assert operating_point([(0.9, False)], 0, Wanted("recall", 0.5)) is None
