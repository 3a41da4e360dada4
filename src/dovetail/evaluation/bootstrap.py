"""Percentile intervals by drawing whole sentences anew, with replacement.

After B. Efron, "Bootstrap methods: another look at the jackknife" (1979).  A sentence is the unit
because its annotations are not independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

TRUE_POSITIVES, FALSE_POSITIVES, FALSE_NEGATIVES = range(3)

Counts = npt.NDArray[np.int64]
Ratios = npt.NDArray[np.float64]

_CHUNK_CELLS = 4_000_000
"""Numbers held at once: some 32 MB, however large the corpus."""


def resample(counts: Counts, *, samples: int, seed: int) -> Counts:
    """Sum the counts of corpora drawn sentence by sentence from this one.

    Sentences with equal counts are exchangeable, so the draw is a multinomial one over distinct
    rows.  That saves work, and makes the result independent of the order of the sentences.

    Args:
        counts: the counts of each sentence, shape ``(sentences, columns)``.
        samples: how many corpora to draw.
        seed: the same seed draws the same corpora.

    Returns:
        Shape ``(samples, columns)``.
    """
    sentences, columns = counts.shape
    if not sentences or not columns:
        return np.zeros((samples, columns), dtype=np.int64)
    rows, multiplicity = np.unique(counts, axis=0, return_counts=True)
    random = np.random.default_rng(seed)
    totals = [
        # Floats go through BLAS, and whole numbers below 2**53 are exact in them.
        random.multinomial(sentences, multiplicity / sentences, size=size).astype(np.float64)
        @ rows.astype(np.float64)
        for size in _chunk_sizes(samples, len(rows))
    ]
    return np.concatenate(totals).astype(np.int64)


def _chunk_sizes(samples: int, row_cells: int) -> Iterator[int]:
    size = max(1, _CHUNK_CELLS // row_cells)
    for start in range(0, samples, size):
        yield min(size, samples - start)


def ratios(counts: Counts) -> Ratios:
    """Precision, recall and F1 along a new last axis; 0 where undefined.

    Args:
        counts: shape ``(..., 3)``: true positives, false positives, false negatives.

    Returns:
        Shape ``(..., 3)``: precision, recall, F1.
    """
    correct = counts[..., TRUE_POSITIVES]
    predicted = correct + counts[..., FALSE_POSITIVES]
    support = correct + counts[..., FALSE_NEGATIVES]
    parts = np.stack([correct, correct, 2 * correct], axis=-1)
    wholes = np.stack([predicted, support, predicted + support], axis=-1)
    return parts / np.maximum(wholes, 1)


def macro_ratios(counts: Counts) -> Ratios:
    """Means over the classes that occur, in gold or predictions, in each drawn corpus.

    Args:
        counts: shape ``(samples, types, 3)``.

    Returns:
        Shape ``(samples, 3)``: the means of precision, recall and F1.
    """
    occurring = counts.any(axis=-1).sum(axis=-1)  # a class that does not occur adds 0 to the sum
    return ratios(counts).sum(axis=-2) / np.maximum(occurring, 1)[:, np.newaxis]


def percentile_intervals(values: Ratios) -> Ratios:
    """The 2.5th and 97.5th percentiles of drawn values, shape ``(samples, 3)`` to ``(3, 2)``."""
    return np.quantile(values, [0.025, 0.975], axis=0).T
