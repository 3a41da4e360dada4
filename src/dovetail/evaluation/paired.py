"""Whether one way of training is better than another: a paired bootstrap, and Holm's correction.

Both ways are scored on the same sentences, each by the models of some seeds, and the mean score
over its seeds speaks for a way.  A draw takes the sentences anew with replacement, the same ones
for all models (B. Efron 1979); that makes it paired.

Beside it each way's seeds are drawn anew, by their distances from the mean: of n seeds n - 1, which
makes the variance of their mean come out right however few they are (J. N. K. Rao and C. F. J. Wu
1988).  Models of several seeds differ on a few hundred sentences by chance even if they are equally
good, and the draws of the sentences count that already; so the distances are shrunk to the part of
their variance that the sentences do not explain.  One seed alone stays as it is: then the p-value
speaks of that model, not of the way of training.

Null hypothesis: on sentences of this kind and with seeds at large both ways have the same expected
score.  The draws, moved so that their centre is that of the null, say how often chance alone gives
a difference as large as the one observed, in either direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dovetail.evaluation.bootstrap import Counts, Ratios, macro_ratios, ratios
from dovetail.evaluation.tally import Tally

SAMPLES = 10_000
MICRO, MACRO = "micro", "macro"
AVERAGES = (MICRO, MACRO)

_F1 = 2
_CHUNK_CELLS = 4_000_000
_TOLERANCE = 1e-9
"""Differences of F1 below this are rounding."""

_Floats = npt.NDArray[np.float64]

Trials = Sequence[Sequence[Tally]]
"""The counts of the models of some seeds, for each fold of the data."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of two mean F1, its 95 % interval, and the two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class DrawnScores:
    """F1 of the models of some seeds, for each fold, as observed and in each draw of the sentences.

    For each fold, `observed` is (seeds, 2) and `drawn` (samples, seeds, 2); the last axis holds
    micro and macro.
    """

    observed: tuple[_Floats, ...]
    drawn: tuple[_Floats, ...]

    @classmethod
    def of_trials(cls, trials: Trials, *, samples: int = SAMPLES, seed: int = 0) -> DrawnScores:
        """Score the models on the same draws, whichever models they are.

        Raises:
            ValueError: if there is no fold, or a fold without a model.
        """
        if not trials or not all(trials):
            raise ValueError("expected at least one model for each fold, and at least one fold")
        observed, drawn = [], []
        for fold, tallies in enumerate(trials):
            counts = stacked(tallies)
            observed.append(_f1(counts.sum(axis=0)[np.newaxis])[0])
            drawn.append(_drawn_f1(counts, samples=samples, seed=(seed, fold)))
        return cls(tuple(observed), tuple(drawn))

    @classmethod
    def mean(cls, corpora: Sequence[DrawnScores]) -> DrawnScores:
        """The mean over several corpora, on which the same models were scored, fold by fold."""
        return cls(
            tuple(np.mean(own, axis=0) for own in zip(*(c.observed for c in corpora), strict=True)),
            tuple(np.mean(own, axis=0) for own in zip(*(c.drawn for c in corpora), strict=True)),
        )


def stacked(tallies: Sequence[Tally]) -> Counts:
    """Counts of several models on the same sentences: (sentences, models, types, 3).

    Raises:
        ValueError: if the numbers of sentences differ.
    """
    sentences = {len(tally.counts) for tally in tallies}
    if len(sentences) != 1:
        raise ValueError(f"models were scored on different numbers of sentences: {sentences}")
    types = sorted({type_ for tally in tallies for type_ in tally.types})
    counts = np.zeros((*sentences, len(tallies), len(types), 3), dtype=np.int64)
    for model, tally in enumerate(tallies):
        columns = [types.index(type_) for type_ in tally.types]
        counts[:, model, columns] = tally.counts
    return counts


def compare(ours: DrawnScores, theirs: DrawnScores, average: str, *, seed: int = 0) -> Comparison:
    """Compare two ways of training by micro or macro F1: ours minus theirs.

    Both have to be scored on the same draws of the same sentences, fold by fold.
    """
    column = AVERAGES.index(average)
    observed = _mean_of_folds([own[:, column].mean() for own in ours.observed])
    observed -= _mean_of_folds([own[:, column].mean() for own in theirs.observed])
    drawn = _drawn_means(ours, column, (seed, 1)) - _drawn_means(theirs, column, (seed, 2))
    extreme = np.abs(drawn - observed) >= abs(observed) - _TOLERANCE
    low, high = np.quantile(drawn, [0.025, 0.975])
    p_value = (1 + int(extreme.sum())) / (1 + len(drawn))
    return Comparison(float(observed), float(low), float(high), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number (S. Holm 1979).

    Calling significant what stays below a level makes one false claim or more with at most that
    probability, whatever the dependence between the comparisons.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = least
    return corrected


def _mean_of_folds(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _drawn_means(scores: DrawnScores, column: int, seed: tuple[int, int]) -> _Floats:
    """Mean over folds of the mean over seeds, sentences and seeds drawn anew: (samples,)."""
    random = np.random.default_rng(seed)
    means = []
    for observed, drawn in zip(scores.observed, scores.drawn, strict=True):
        distances = _distances(observed[:, column], drawn[..., column])
        seeds = len(distances)
        taken = max(1, seeds - 1)
        weights = random.multinomial(taken, [1 / seeds] * seeds, size=len(drawn)) / taken
        means.append(drawn[..., column].mean(axis=1) + weights @ distances)
    mean: _Floats = np.mean(means, axis=0)
    return mean


def _distances(observed: _Floats, drawn: _Floats) -> _Floats:
    """How far each seed's score is from their mean, for what the sentences do not explain.

    `observed` is (seeds,), `drawn` (samples, seeds).
    """
    distances: _Floats = observed - observed.mean()
    seeds = len(observed)
    if seeds == 1 or not distances.any():
        return distances
    between = distances.var(ddof=1)
    chance = (drawn - drawn.mean(axis=1, keepdims=True)).var(axis=0).sum() / (seeds - 1)
    return distances * np.sqrt(max(0.0, 1 - chance / between))


def _drawn_f1(counts: Counts, *, samples: int, seed: tuple[int, int]) -> _Floats:
    sentences = len(counts)
    if not sentences:
        return np.zeros((samples, counts.shape[1], 2))
    random = np.random.default_rng(seed)
    flat = counts.reshape(sentences, -1).astype(np.float64)
    parts = []
    for size in _chunks(samples, sentences):
        # How often each sentence was drawn; much quicker than a multinomial distribution.
        places = random.integers(sentences, size=(size, sentences))
        places += np.arange(size)[:, np.newaxis] * sentences
        times = np.bincount(places.ravel(), minlength=size * sentences).reshape(size, sentences)
        totals = (times.astype(np.float64) @ flat).astype(np.int64)
        parts.append(_f1(totals.reshape(size, *counts.shape[1:])))
    return np.concatenate(parts)


def _f1(totals: Counts) -> Ratios:
    """Micro and macro F1 of (samples, models, types, 3): (samples, models, 2)."""
    samples, models, types, outcomes = totals.shape
    macro = macro_ratios(totals.reshape(samples * models, types, outcomes))
    micro = ratios(totals.sum(axis=2))
    return np.stack([micro[..., _F1], macro[:, _F1].reshape(samples, models)], axis=-1)


def _chunks(samples: int, cells: int) -> Iterator[int]:
    size = max(1, _CHUNK_CELLS // cells)
    for start in range(0, samples, size):
        yield min(size, samples - start)
