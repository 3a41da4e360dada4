"""How many sentences of each of several corpora an epoch reads."""

from __future__ import annotations

from collections.abc import Sequence


def shares(
    sizes: Sequence[int],
    *,
    temperature: float = 1.0,
    weights: Sequence[float] | None = None,
    fixed: Sequence[int] | None = None,
) -> list[int]:
    """The sentences that an epoch draws of corpora of these sizes, at least one of each.

    Those that are not fixed share as many sentences as they have together, by size to the power of
    1 / temperature, times weight.

    >>> shares([900, 100])
    [900, 100]
    >>> shares([900, 100], temperature=2)
    [750, 250]
    >>> shares([900, 100], weights=[1, 9], fixed=[0, 0])
    [500, 500]

    Args:
        sizes: sentences of each corpus.
        temperature: 1 shares by size; the higher, the more equal are the shares.
        weights: factors of the shares, 1 by default.
        fixed: numbers that are settled; 0 leaves one to its share.
    """
    weights = [1.0] * len(sizes) if weights is None else weights
    fixed = [0] * len(sizes) if fixed is None else fixed
    parts = [
        0.0 if number else weight * size ** (1 / temperature)
        for size, weight, number in zip(sizes, weights, fixed, strict=True)
    ]
    whole = sum(size for size, number in zip(sizes, fixed, strict=True) if not number)
    return [
        number or max(1, round(whole * part / sum(parts)))
        for part, number in zip(parts, fixed, strict=True)
    ]
