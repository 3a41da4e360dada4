"""Stretches that overlap get rows of their own, the narrow ones next to the text."""

from __future__ import annotations

from collections.abc import Sequence

Extent = tuple[float, float]

_APART = 4.0


def rows_of(extents: Sequence[Extent]) -> list[int]:
    """A row for each extent, from left to right end, in which it touches no other.

    The narrowest choose first, from 0.
    """
    widths = [right - left for left, right in extents]
    taken: list[list[Extent]] = []
    chosen = [0] * len(extents)
    for index in sorted(range(len(extents)), key=lambda index: (widths[index], extents[index])):
        left, right = extents[index]
        row = 0
        while row < len(taken) and any(
            left < other_right + _APART and other_left < right + _APART
            for other_left, other_right in taken[row]
        ):
            row += 1
        if row == len(taken):
            taken.append([])
        taken[row].append((left, right))
        chosen[index] = row
    return chosen
