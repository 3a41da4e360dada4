"""Temperatures and offsets that make confidences mean what they say, fitted on annotated sentences.

Those that make the annotations most probable are found for all types together, then for each type.
Few examples of a type say little, so both have normal priors around what holds for all types (the
maximum a posteriori is taken).  Hence a type without examples has the common scale, and one with
thousands its own.  The offset is that of J. Platt, "Probabilistic outputs for support vector
machines" (1999): a relation is right only if its entities are, which no temperature can say of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dovetail.evaluation.calibration import Judged
from dovetail.text.confidence import AS_IS, CERTAIN, COLDEST, FURTHEST, HOTTEST, Scale

PRIOR_OF_ALL, PRIOR_OF_TYPE = 1.0, 0.4
"""Standard deviations of the offset and of the logarithm of the temperature: of the common ones
around those that change nothing, and of a type's around the common ones."""

_WIDTHS = np.geomspace(1.0, 0.005, 30)
"""Half the widths of the intervals that are searched, one after the other."""

_STEPS = 21

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """The scale of all types together, and that of each."""

    common: Scale
    by_type: Mapping[str, Scale]

    def of_type(self, type_: str) -> Scale:
        """The scale of a type; the common one where there was no example of it."""
        return self.by_type.get(type_, self.common)


def fitted_scales(judged_by_type: Mapping[str, Sequence[Judged]]) -> Scales:
    """Fit scales to predictions that are right or wrong, by type.

    Without any prediction they change nothing.
    """
    everything = [pair for own in judged_by_type.values() for pair in own]
    common = _fitted(everything, around=AS_IS, deviation=PRIOR_OF_ALL)
    return Scales(
        common,
        {
            type_: _fitted(own, around=common, deviation=PRIOR_OF_TYPE)
            for type_, own in judged_by_type.items()
        },
    )


def negative_log_likelihood(judged: Sequence[Judged], scale: Scale) -> float:
    """How improbable it is that these predictions are right and wrong, a mean in nats."""
    log_odds, signs = _arrays(judged)
    own = np.array([scale.temperature]), np.array([scale.offset])
    return float(_losses(log_odds, signs, *own)[0] / max(1, len(judged)))


def _arrays(judged: Sequence[Judged]) -> tuple[Array, Array]:
    """The log-odds of predictions, and 1 where they are right and -1 where they are wrong."""
    probabilities = np.array([own for own, _ in judged], dtype=np.float64)
    inside = probabilities.clip(CERTAIN, 1 - CERTAIN)
    signs = np.array([1.0 if is_right else -1.0 for _, is_right in judged])
    return np.log(inside) - np.log1p(-inside), signs


def _losses(log_odds: Array, signs: Array, temperatures: Array, offsets: Array) -> Array:
    """The sum of the losses with each temperature and offset."""
    scaled = log_odds / temperatures[:, np.newaxis] + offsets[:, np.newaxis]
    return np.logaddexp(0, -signs * scaled).sum(axis=1)


def _fitted(judged: Sequence[Judged], *, around: Scale, deviation: float) -> Scale:
    """The scale of the largest posterior, found along one axis after the other."""
    if not judged:
        return around
    log_odds, signs = _arrays(judged)
    centre = np.log(around.temperature), around.offset
    found = [*centre]
    bounds = ((np.log(COLDEST), np.log(HOTTEST)), (-FURTHEST, FURTHEST))
    for width in _WIDTHS:
        for axis in (0, 1):
            tried = found[axis] + width * np.linspace(-1, 1, _STEPS)
            tried = tried.clip(*bounds[axis])
            hot, off = (tried if own == axis else np.full(_STEPS, found[own]) for own in (0, 1))
            prior = ((tried - centre[axis]) / deviation) ** 2 / 2
            losses = _losses(log_odds, signs, np.exp(hot), off) + prior
            found[axis] = float(tried[losses.argmin()])
    return Scale(float(np.exp(found[0])), found[1])
