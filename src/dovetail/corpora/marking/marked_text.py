"""A text with annotations by character, as readers hand it on, before it is cut into tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.text.document import TASKS, Unaligned
from dovetail.text.reading import Offsets

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CharacterEntity:
    """A typed stretch of text at half-open character positions.

    `surface` is the text that the file says it covers, if it says so: it is held against what the
    positions cut out.  `fragments` are the pieces of an entity that has several, ascending.
    `written` are the borders as the file has them, where it does not count code points.
    """

    start_char: int
    end_char: int
    type: str
    where: str
    confidence: float | None = None
    surface: str | None = None
    fragments: tuple[Span, ...] = ()
    written: Span | None = None

    @property
    def pieces(self) -> tuple[Span, ...]:
        """The fragments, or the whole where there is one only."""
        return self.fragments or ((self.start_char, self.end_char),)


@dataclass(frozen=True, slots=True)
class IndexedRelation:
    """A relation whose arguments are positions in a list of entities; None is a lost argument."""

    head: int | None
    tail: int | None
    type: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class NamedRelation:
    """A relation whose arguments are names of entities, which a file may define later."""

    type: str
    head: str
    tail: str
    where: str


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """The tokens of a sentence that the corpus brings itself, at half-open character positions."""

    offsets: Sequence[Span]
    id: str = ""
    annotated: frozenset[str] = frozenset(TASKS)
    unaligned: tuple[Unaligned, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text with its annotations.

    `sentences` are those that the corpus brings; None has the text cut by rules.  `offsets` says
    what the positions count where that is known, as where the reader made them itself; None leaves
    it to whoever reads.  `where` is the place in the file.
    """

    id: str
    text: str
    entities: Sequence[CharacterEntity]
    relations: Sequence[IndexedRelation]
    where: str
    annotated: frozenset[str] = frozenset(TASKS)
    sentences: Sequence[MarkedSentence] | None = None
    offsets: Offsets | None = None

    @property
    def name(self) -> str:
        """The id, or the place in the file where there is none: what the ledger calls it."""
        return self.id or self.where
