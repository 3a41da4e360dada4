"""Scales against draws from known ones, and against a search over a fine grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.evaluation.calibration import calibration
from dovetail.evaluation.scaling import (
    PRIOR_OF_ALL,
    PRIOR_OF_TYPE,
    fitted_scales,
    negative_log_likelihood,
)
from dovetail.text.confidence import AS_IS, PLAIN, Confidence, Scale, mean_confidence
from dovetail.text.document import Entity

probabilities = st.floats(0, 1)
scales = st.builds(Scale, st.floats(0.05, 20), st.floats(-10, 10))


def drawn(number: int, scale: Scale, seed: int) -> list[tuple[float, bool]]:
    """Predictions that are right as often as their confidence on the scale says."""
    chance = np.random.default_rng(seed)
    confidences = chance.uniform(0.02, 0.999, number)
    return [(float(own), bool(chance.random() < scale.of(float(own)))) for own in confidences]


@pytest.mark.parametrize("scale", [Scale(3.0, -0.5), Scale(0.6, 0.4), AS_IS])
def test_the_scale_that_predictions_were_drawn_with_is_found(scale: Scale) -> None:
    found = fitted_scales({"Ship": drawn(10_000, scale, 1)}).common
    assert found.temperature == pytest.approx(scale.temperature, rel=0.15)
    assert found.offset == pytest.approx(scale.offset, abs=0.1)


def test_on_the_fitted_scale_confidences_mean_what_they_say() -> None:
    judged = drawn(5000, Scale(4.0, -0.8), 2)
    found = fitted_scales({"Ship": judged}).of_type("Ship")
    after = [(found.of(own), right) for own, right in judged]
    assert calibration(judged).expected_error > 0.2
    assert calibration(after).expected_error < 0.03


def test_no_scale_of_a_fine_grid_has_a_larger_posterior() -> None:
    judged = drawn(60, Scale(2.0, -0.3), 3)
    found = fitted_scales({"Ship": judged}).common

    def loss(scale: Scale) -> float:
        prior = (np.log(scale.temperature) ** 2 + scale.offset**2) / (2 * PRIOR_OF_ALL**2)
        return len(judged) * negative_log_likelihood(judged, scale) + prior

    grid = (
        Scale(float(hot), float(off))
        for hot in np.geomspace(0.3, 8, 60)
        for off in np.linspace(-2, 2, 60)
    )
    assert loss(found) <= min(map(loss, grid)) + 1e-6


def test_a_type_of_few_examples_has_the_common_scale_and_one_of_many_its_own() -> None:
    common, other = Scale(3.0, -0.5), Scale(1.0, 0.5)
    many, few = drawn(2000, common, 4), drawn(2000, other, 5)

    def distance(number: int) -> float:
        found = fitted_scales({"Ship": many, "Port": few[:number]})
        log_ratio = np.log(found.by_type["Port"].temperature / found.common.temperature)
        return float(np.hypot(log_ratio, found.by_type["Port"].offset - found.common.offset))

    assert distance(0) == 0
    assert distance(2) < PRIOR_OF_TYPE
    assert distance(2) < distance(30) < distance(2000)
    found = fitted_scales({"Ship": many, "Port": few})
    assert found.by_type["Port"].offset == pytest.approx(other.offset, abs=0.15)
    assert fitted_scales({}).of_type("Quay") == AS_IS


@settings(deadline=None)
@given(one=probabilities, other=probabilities, scale=scales)
def test_a_scale_changes_no_order_and_stays_within_bounds(
    one: float, other: float, scale: Scale
) -> None:
    first, second = scale.of(one), scale.of(other)
    assert 0 <= first <= 1
    if one <= other:
        assert first <= second


@settings(deadline=None)
@given(own=st.floats(0.001, 0.999), hot=st.floats(0.3, 8), off=st.floats(-3, 3))
def test_back_undoes_a_scale(own: float, hot: float, off: float) -> None:
    scale = Scale(hot, off)
    if 1e-5 < scale.of(own) < 1 - 1e-5:
        assert scale.back(scale.of(own)) == pytest.approx(own, abs=1e-6)


def test_entities_are_scaled_by_type_and_those_below_the_least_are_left_out() -> None:
    ship, port = Entity(0, 1, "Ship", 0.9), Entity(2, 3, "Port", 0.9)
    quay, unsaid = Entity(4, 5, "Quay", 0.3), Entity(6, 7, "Ship")
    confidence = Confidence({"Ship": Scale(2.0)}, {}, {"Quay": 0.5})
    found = confidence.applied([ship, port, quay, unsaid])
    assert found == [ship, port, unsaid]
    assert [own.confidence for own in found] == [pytest.approx(0.75), 0.9, None]
    assert PLAIN.applied([ship, quay]) == [ship, quay]


def test_values_survive_json_and_others_are_refused() -> None:
    confidence = Confidence({"Ship": Scale(2.0, -0.1)}, {"at": Scale(0.5)}, {"Ship": 0.25})
    values = confidence.to_dict()
    assert Confidence.from_dict(values, ["Ship", "Port"], ["at"]) == confidence
    scale = {"temperature": 1.0, "offset": 0.0}
    for bad in (
        [],
        {"more": {}},
        {"entities": {"Quay": scale}},
        {"entities": {"Ship": 2.0}},
        {"entities": {"Ship": {**scale, "temperature": 0.0}}},
        {"entities": {"Ship": {**scale, "temperature": float("nan")}}},
        {"relations": {"at": {**scale, "offset": "1"}}},
        {"relations": {"at": {**scale, "offset": 1e300}}},
        {"least": {"Ship": 2}},
        {"least": {"Ship": True}},
    ):
        with pytest.raises(ValueError, match=r"expected|is "):
            Confidence.from_dict(bad, ["Ship", "Port"], ["at"])


def test_the_mean_of_one_is_itself() -> None:
    confidence = Confidence({"Ship": Scale(2.0, -0.1)}, {"at": Scale(0.5)}, {"Ship": 0.25})
    assert mean_confidence([confidence, confidence]) == confidence
    assert not mean_confidence([PLAIN, PLAIN])
