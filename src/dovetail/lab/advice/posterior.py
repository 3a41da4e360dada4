"""What is to be expected of a candidate: a normal prior, updated by what its pilots measured.

Gains are differences of F1 from the default, from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

LEVEL = 0.9
"""The probability that a gain lies within the interval that is shown."""


@dataclass(frozen=True)
class Normal:
    """A normal distribution: its mean and its variance, which may be infinite."""

    mean: float
    variance: float

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return math.sqrt(self.variance)

    @property
    def above_zero(self) -> float:
        """The probability of a value above zero."""
        if self.variance == 0:
            return float(self.mean > 0)
        return NormalDist().cdf(self.mean / self.deviation)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The central interval of this probability."""
        reach = NormalDist().inv_cdf(0.5 + level / 2) * self.deviation
        return self.mean - reach, self.mean + reach


def updated(prior: Normal, measured: Normal) -> Normal:
    """The posterior of a value of which a measurement with normal noise is known.

    >>> updated(Normal(0.0, 1.0), Normal(2.0, 1.0))
    Normal(mean=1.0, variance=0.5)
    """
    if math.isinf(measured.variance):
        return prior
    if not (prior.variance and measured.variance):
        return prior if not prior.variance else measured
    precision = 1 / prior.variance + 1 / measured.variance
    mean = (prior.mean / prior.variance + measured.mean / measured.variance) / precision
    return Normal(mean, 1 / precision)


def of_a_further_corpus(gains: Sequence[Normal], *, spread: float, reach: float) -> Normal:
    """The gain to expect on a corpus that was not among those on which gains were measured.

    The mean over all corpora has the variance `reach` around zero beforehand, and the gain on one
    the variance `spread` around that mean.

    Args:
        gains: what was measured on each corpus, with the variance of the measurement.
        spread: the variance of true gains between corpora.
        reach: the variance of their means between candidates.
    """
    mean = Normal(0.0, reach)
    for gain in gains:
        mean = updated(mean, Normal(gain.mean, spread + gain.variance))
    return Normal(mean.mean, mean.variance + spread)


@dataclass(frozen=True)
class Noise:
    """What makes a difference on few sentences and seeds deviate from the gain that is meant.

    Args:
        of_seeds: the variance of a difference between two trainings with the same seed, between
            seeds.
        of_sentences: the variance of a difference on one sentence; that on n is a n-th of it, and
            the same for all seeds.
        of_seeds_weight: how many differences of other corpora `of_seeds` counts as, against those
            of this one.
    """

    of_seeds: float
    of_sentences: float
    of_seeds_weight: int = 4

    def pooled(self, differences: Sequence[Sequence[float]]) -> float:
        """The variance between seeds, from all candidates' differences and what others had."""
        squares, freedom = self.of_seeds * self.of_seeds_weight, self.of_seeds_weight
        for own in differences:
            if len(own) > 1:
                mean = fmean(own)
                squares += sum((difference - mean) ** 2 for difference in own)
                freedom += len(own) - 1
        return squares / freedom


def measured_by(
    differences: Sequence[float], *, of_seeds: float, of_sentences: float, of_shortness: float = 0
) -> Normal:
    """What the paired differences of some seeds say of a gain.

    Args:
        differences: the candidate's score minus the default's, seed by seed.
        of_seeds: the variance between seeds.
        of_sentences: the variance of a mean difference that all seeds have in common, because they
            are scored on the same sentences.
        of_shortness: the same, because the pilots are shorter than the training that is meant.
    """
    if not differences:
        return Normal(0.0, math.inf)
    variance = of_seeds / len(differences) + of_sentences + of_shortness
    return Normal(fmean(differences), variance)
