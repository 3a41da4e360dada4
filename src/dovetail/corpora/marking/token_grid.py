"""The tokens of a text, found by their characters."""

from __future__ import annotations

from bisect import bisect_right

from dovetail.corpora.marking.marked_text import Span


class Grid:
    """Units of tokens at half-open character positions, ascending and none empty."""

    def __init__(self, units: list[list[Span]]) -> None:
        self.units = units
        self.tokens = [token for unit in units for token in unit]
        self._token_starts = [start for start, _ in self.tokens]
        self._unit_starts = [unit[0][0] for unit in units]
        self._first_tokens = [0]
        for unit in units:
            self._first_tokens.append(self._first_tokens[-1] + len(unit))

    def unit_at(self, position: int) -> int:
        """The unit in which a character stands, or the one before it; -1 before the first."""
        return bisect_right(self._unit_starts, position) - 1

    def token_at(self, position: int) -> int | None:
        """The token, counted through the text, that a character belongs to."""
        index = bisect_right(self._token_starts, position) - 1
        return index if index >= 0 and position < self.tokens[index][1] else None

    def cuts_token(self, start: int, end: int) -> bool:
        """Whether a stretch begins or ends inside a token."""
        first, last = self.token_at(start), self.token_at(end - 1)
        return (first is not None and self.tokens[first][0] != start) or (
            last is not None and self.tokens[last][1] != end
        )

    def borders(self, start: int, end: int) -> tuple[int, int, int] | None:
        """Unit, first token and the one after the last, if these are just the characters."""
        first, last = self.token_at(start), self.token_at(end - 1)
        if first is None or last is None:
            return None
        if self.tokens[first][0] != start or self.tokens[last][1] != end:
            return None
        unit = bisect_right(self._first_tokens, first) - 1
        if last >= self._first_tokens[unit + 1]:
            return None
        return unit, first - self._first_tokens[unit], last + 1 - self._first_tokens[unit]
