"""Where texts stand in a longer text, as whole words, and which of two are nearest."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from dovetail.corpora.marking.marked_text import Span
from dovetail.corpora.marking.positions import inside_word


class Mentions:
    """The places of several texts in a longer one.

    A place inside that of a longer one of the texts counts only where there is no other: of
    ``York`` and ``New York`` the first is not looked for within the second.
    """

    def __init__(self, text: str, surfaces: Sequence[str]) -> None:
        self._found = {surface: _places(text, surface) for surface in surfaces}
        spans = sorted(span for places, _ in self._found.values() for span in places)
        self._starts = [start for start, _ in spans]
        self._reach = [0, *accumulate((end for _, end in spans), max)]
        self._places = {
            surface: [span for span in places if not self._lies_inside(span)] or places
            for surface, (places, _) in self._found.items()
        }

    def places(self, surface: str) -> Sequence[Span]:
        """The places of one of the texts, ascending; empty if it does not occur."""
        return self._places[surface]

    def how(self, surface: str) -> str:
        """What differs between a text and its places: nothing, white space, or capitals."""
        return self._found[surface][1]

    def _lies_inside(self, span: Span) -> bool:
        """Whether a longer one of all places covers this one."""
        start, end = span
        before = self._reach[bisect_left(self._starts, start)]
        with_same_start = self._reach[bisect_right(self._starts, start)]
        return before >= end or with_same_start > end


def _places(text: str, surface: str) -> tuple[list[Span], str]:
    """Where a text stands as whole words, and what differs from how it was given."""
    words = [re.escape(word) for word in surface.split()]
    if not words:
        return [], ""
    spaced = r"\s+".join(words)
    for pattern, flags, how in (
        (re.escape(surface.strip()), re.NOFLAG, ""),
        (spaced, re.NOFLAG, "white space"),
        (spaced, re.IGNORECASE, "capitals"),
    ):
        places = [
            match.span()
            for match in re.finditer(pattern, text, flags)
            if not (inside_word(text, match.start()) or inside_word(text, match.end()))
        ]
        if places:
            return places, how
    return [], ""


def nearest_pair(
    heads: Sequence[Span], tails: Sequence[Span], unit_at: Callable[[int], int]
) -> tuple[Span, Span]:
    """The two places nearest to each other, in one unit if any two are; the first of equals.

    Args:
        heads: places, ascending and not empty.
        tails: places, ascending and not empty.
        unit_at: the unit that a character position lies in; a unit is an unbroken stretch.
    """
    starts = [start for start, _ in tails]
    candidates = []
    for head in heads:
        # What is nearest to a place, in any unit, is a neighbour of it on one of its sides.
        middle = bisect_left(starts, head[0])
        candidates += [(head, tail) for tail in tails[max(middle - 1, 0) : middle + 2]]

    def distance(pair: tuple[Span, Span]) -> tuple[bool, int]:
        first, second = sorted(pair)
        return unit_at(first[0]) != unit_at(second[0]), max(second[0] - first[1], 0)

    return min(candidates, key=distance)
