"""The geometry of charts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.evaluation import calibration
from dovetail.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    charts_of_run,
    loss_chart,
    powers,
    reliability_chart,
    round_steps,
)
from dovetail.report.curves import Curves, Epoch

values = st.dictionaries(
    st.integers(1, 60), st.floats(0, 100, allow_subnormal=False), min_size=1, max_size=20
)


@given(low=st.floats(-1e6, 1e6), extent=st.floats(1e-3, 1e6), most=st.integers(3, 10))
def test_steps_are_few_even_and_inside(low, extent, most):
    high = low + extent
    steps = round_steps(low, high, most)
    assert len(steps) <= most
    assert all(low - 1e-6 * extent <= step <= high + 1e-6 * extent for step in steps)


@given(low=st.floats(1e-6, 1), factor=st.floats(1, 1e6))
def test_powers_are_inside(low, factor):
    assert all(low <= number <= low * factor for number in powers(low, low * factor))


@given(series=st.dictionaries(st.sampled_from("abcdefgh"), values, min_size=1))
def test_lines_stay_inside_the_drawing(series):
    chart = loss_chart(series, best_epoch=3)
    for line in chart.lines:
        assert len(line.points) == len(series[line.name])
        for point in line.points:
            assert LEFT <= point.x <= WIDTH - RIGHT
            assert TOP <= point.y <= HEIGHT - BOTTOM
            assert math.isfinite(point.x + point.y)
    assert all(name in chart.description for name in series)


def test_scores_rise_upwards_and_the_best_epoch_is_marked():
    epochs = [Epoch(n, {"entity": 1 / n}, {"entity": n / 10}, 1.0) for n in range(1, 6)]
    scores, losses = charts_of_run(Curves(epochs, best_epoch=5))
    heights = [point.y for point in scores.lines[0].points]
    assert heights == sorted(heights, reverse=True)
    assert scores.marker.label == losses.marker.label == "best: epoch 5"
    assert "50.0 in the best epoch" in scores.description


def test_losses_that_are_no_numbers_are_left_out():
    epochs = [Epoch(1, {"entity": math.nan}, {}, 1.0), Epoch(2, {"entity": 2.0}, {}, 1.0)]
    (losses,) = charts_of_run(Curves(epochs, best_epoch=2))
    assert len(losses.lines[0].points) == 1


def test_perfect_calibration_lies_on_the_diagonal():
    judged = [(0.25, right) for right in (True, False, False, False)]
    chart = reliability_chart("Entities", calibration(judged))
    (bubble,) = chart.bubbles
    x1, y1, x2, y2 = chart.diagonal
    assert (bubble.y - y1) / (y2 - y1) == pytest.approx((bubble.x - x1) / (x2 - x1))
    assert bubble.high < bubble.y < bubble.low
