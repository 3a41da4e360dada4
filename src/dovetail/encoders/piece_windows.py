"""Overlapping windows over a sequence that is longer than a network reads."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Window(NamedTuple):
    """Half-open ranges of pieces: what the network sees, and what is read from its answer."""

    start: int
    end: int
    read_start: int
    read_end: int


def windows_over(num_pieces: int, *, capacity: int, word_starts: Sequence[int]) -> list[Window]:
    """Cover a sequence with windows of at most `capacity` pieces.

    Neighbours share a quarter of their pieces, and each piece is read from the window in which it
    stands farther from the border.  A word is read from one window, unless it alone is longer
    than what two windows share.

    Args:
        num_pieces: length of the sequence.
        capacity: how many pieces a window holds, at least 1.
        word_starts: the ascending positions at which a word begins.

    Returns:
        Windows in order; their read ranges, put together, are ``[0, num_pieces)``.
    """
    if num_pieces <= capacity:
        return [Window(0, num_pieces, 0, num_pieces)]
    stride = capacity - capacity // 4
    last_start = num_pieces - capacity  # the last window is full too: more context, same cost
    starts = [*range(0, last_start, stride), last_start]
    cuts = [0]
    for previous_start, start in pairwise(starts):
        middle = (start + previous_start + capacity) // 2
        word_start = word_starts[bisect_right(word_starts, middle) - 1]
        cuts.append(word_start if word_start > start else middle)
    cuts.append(num_pieces)
    return [
        Window(start, start + capacity, read_start, read_end)
        for start, (read_start, read_end) in zip(starts, pairwise(cuts), strict=True)
    ]
