"""Symbols and their indices; index 0 stands for every symbol that is not known.

This module knows nothing of tensors or of what the symbols are (words, characters, cluster paths).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat

UNKNOWN_INDEX = 0
"""The index of every symbol outside a vocabulary; known symbols start at 1."""


class Vocabulary:
    """A frozen list of distinct symbols, numbered from 1 in the order given.

    >>> vocabulary = Vocabulary(["of", "the"])
    >>> vocabulary.index("the"), vocabulary.index("zebra"), len(vocabulary)
    (2, 0, 3)

    Raises:
        ValueError: if a symbol is listed twice.
    """

    __slots__ = ("_index_by_symbol", "_symbols")

    def __init__(self, symbols: Iterable[str]) -> None:
        self._symbols = tuple(symbols)
        self._index_by_symbol = {
            symbol: index for index, symbol in enumerate(self._symbols, start=UNKNOWN_INDEX + 1)
        }
        if len(self._index_by_symbol) != len(self._symbols):
            repeated = [symbol for symbol, count in Counter(self._symbols).items() if count > 1]
            raise ValueError(f"a vocabulary lists each symbol once; repeated: {repeated[:5]}")

    @classmethod
    def from_occurrences(cls, occurrences: Iterable[str], *, minimum_count: int = 1) -> Vocabulary:
        """Keep the symbols that occur at least `minimum_count` times, sorted by code point."""
        counts = Counter(occurrences)
        return cls(sorted(symbol for symbol, count in counts.items() if count >= minimum_count))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The known symbols; the one with index ``i`` is at position ``i - 1``."""
        return self._symbols

    def index(self, symbol: str) -> int:
        """The index of a symbol, or `UNKNOWN_INDEX`."""
        return self._index_by_symbol.get(symbol, UNKNOWN_INDEX)

    def indices(self, symbols: Iterable[str]) -> list[int]:
        """The index of each symbol, as `index` gives it."""
        return list(map(self._index_by_symbol.get, symbols, repeat(UNKNOWN_INDEX)))

    def index_of_first_known(self, candidates: Sequence[str]) -> int:
        """The index of the first candidate that is known, or `UNKNOWN_INDEX`."""
        for candidate in candidates:
            index = self._index_by_symbol.get(candidate)
            if index is not None:
                return index
        return UNKNOWN_INDEX

    def symbol(self, index: int) -> str | None:
        """The symbol with this index; None stands for the unknown.

        Raises:
            IndexError: if no symbol has the index.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside a vocabulary of {len(self)}")
        return None if index == UNKNOWN_INDEX else self._symbols[index - 1]

    def to_list(self) -> list[str]:
        """The symbols as a JSON value; `Vocabulary(…)` reads it back."""
        return list(self._symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._index_by_symbol

    def __len__(self) -> int:
        """How many indices there are, the unknown one included."""
        return len(self._symbols) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._symbols == other._symbols

    def __hash__(self) -> int:
        return hash(self._symbols)

    def __repr__(self) -> str:
        return f"Vocabulary of {len(self._symbols)} symbols"
