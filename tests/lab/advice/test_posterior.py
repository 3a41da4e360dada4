"""The arithmetic of an advice, against numerical integration and by its properties."""

from __future__ import annotations

import itertools
import math
import random
from statistics import fmean, variance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.lab.advice.posterior import (
    Noise,
    Normal,
    measured_by,
    of_a_further_corpus,
    updated,
)

MEANS = st.floats(-0.1, 0.1)
VARIANCES = st.floats(0.001**2, 0.05**2)


def density(values: np.ndarray, own: Normal) -> np.ndarray:
    return np.exp(-((values - own.mean) ** 2) / (2 * own.variance))


@given(MEANS, VARIANCES, MEANS, VARIANCES)
def test_posterior_is_that_of_numerical_integration(
    mean: float, spread: float, measured: float, noise: float
) -> None:
    prior, likelihood = Normal(mean, spread), Normal(measured, noise)
    found = updated(prior, likelihood)
    reach = 12 * found.deviation
    gains = np.linspace(found.mean - reach, found.mean + reach, 20_001)
    logarithm = -((gains - mean) ** 2) / (2 * spread) - (gains - measured) ** 2 / (2 * noise)
    weights = np.exp(logarithm - logarithm.max())
    weights /= weights.sum()
    expected = float((weights * gains).sum())
    assert found.mean == pytest.approx(expected, abs=1e-9)
    assert found.variance == pytest.approx(
        float((weights * (gains - expected) ** 2).sum()), rel=1e-6
    )
    low, high = found.interval(0.9)
    within = float(weights[(gains >= low) & (gains <= high)].sum())
    assert within == pytest.approx(0.9, abs=2e-3)
    assert found.above_zero == pytest.approx(float(weights[gains > 0].sum()), abs=2e-3)


def test_prior_of_a_further_corpus_is_that_of_numerical_integration() -> None:
    gains, spread, reach = [Normal(0.02, 1e-4), Normal(-0.01, 4e-4)], 2e-4, 3e-4
    means = np.linspace(-0.3, 0.3, 60_001)
    weights = density(means, Normal(0.0, reach))
    for gain in gains:
        weights = weights * density(means, Normal(gain.mean, gain.variance + spread))
    weights /= weights.sum()
    mean = float((weights * means).sum())
    found = of_a_further_corpus(gains, spread=spread, reach=reach)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    around = float((weights * (means - mean) ** 2).sum())
    assert found.variance == pytest.approx(around + spread, rel=1e-6)


def test_without_known_corpora_nothing_is_expected_in_either_direction() -> None:
    assert of_a_further_corpus([], spread=4e-4, reach=1e-4) == Normal(0.0, 5e-4)


@given(st.lists(MEANS, min_size=1, max_size=5))
def test_more_pilots_never_make_an_advice_less_sure(differences: list[float]) -> None:
    prior = Normal(0.0, 1e-4)
    found = [
        updated(prior, measured_by(differences[:n], of_seeds=1e-4, of_sentences=1e-5))
        for n in range(len(differences) + 1)
    ]
    assert found[0] == prior
    assert all(after.variance < before.variance for before, after in itertools.pairwise(found))


def test_what_all_seeds_have_in_common_stays_however_many_there_are() -> None:
    many = measured_by([0.01] * 10_000, of_seeds=1e-4, of_sentences=2e-5, of_shortness=1e-5)
    assert many.variance == pytest.approx(3e-5, rel=1e-3)


def test_variance_of_seeds_is_pooled_and_that_of_others_stands_in_for_one_seed() -> None:
    noise = Noise(of_seeds=1e-4, of_sentences=0.0, of_seeds_weight=4)
    assert noise.pooled([[0.1], [0.3], []]) == pytest.approx(1e-4)
    own = [[0.0, 0.02], [0.01, 0.05, 0.03]]
    squares = sum(variance(each) * (len(each) - 1) for each in own)
    assert noise.pooled(own) == pytest.approx((4e-4 + squares) / (4 + 3))


def test_intervals_hold_the_true_gain_as_often_as_they_say() -> None:
    chance = random.Random(3)
    prior, held = Normal(0.0, 1e-4), []
    for _ in range(4000):
        gain = chance.gauss(0, prior.deviation)
        differences = [gain + chance.gauss(0, 0.015) for _ in range(3)]
        found = updated(prior, measured_by(differences, of_seeds=0.015**2, of_sentences=0.0))
        low, high = found.interval(0.9)
        held.append(low <= gain <= high)
    assert fmean(held) == pytest.approx(0.9, abs=0.02)


def test_a_certain_prior_and_a_measurement_of_nothing_change_nothing() -> None:
    prior = Normal(0.01, 1e-4)
    assert updated(prior, Normal(0.5, math.inf)) == prior
    assert updated(Normal(0.01, 0.0), Normal(0.5, 1e-4)) == Normal(0.01, 0.0)
    assert Normal(0.01, 0.0).above_zero == 1
