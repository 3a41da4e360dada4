"""A text in lines of a width: where each stretch of it is drawn.

Words that read from right to left stand so in their line, by Unicode's rules at the level of words;
within a stretch whoever draws it sees to that.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dovetail.showing.drawing.measures import is_attached, printable, width_of

SIZE = 16.0
"""Of the letters of the text, in pixels."""

SPACE = width_of(" ", SIZE)

_WORD = re.compile(r"\S+")
_LINE_BREAK = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the text that is drawn at once: `text` is how it is shown."""

    start: int
    end: int
    text: str
    x: float
    width: float
    right_to_left: bool


@dataclass(frozen=True, slots=True)
class _Atom:
    """A word, or a part of one that an entity's border cuts, with its level of direction."""

    start: int
    end: int
    level: int


def lines_of(text: str, pieces: Collection[Span], width: float) -> list[list[Segment]]:
    """Break a text into lines, each of segments from left to right.

    Args:
        text: any text; white space is drawn as one space, and line breaks end a line.
        pieces: stretches that begin and end with segments, such as those of entities; one that
            fits into a line is not broken.
        width: of the lines, in pixels.
    """
    borders = frozenset(border for piece in pieces for border in piece)
    blocks = _Blocks(pieces)
    return [
        list(_placed(text, words, borders, width, is_right_to_left=right_to_left))
        for right_to_left, paragraph in _paragraphs(text)
        for words in _filled(text, blocks.of(paragraph), width)
    ]


class _Blocks:
    """Stretches of a text that overlap, joined."""

    def __init__(self, pieces: Collection[Span]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(pieces):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def of(self, words: Sequence[Span]) -> Iterator[list[Span]]:
        """The words of each block together, others alone."""
        block: list[Span] = []
        for word in words:
            if block and not self._holds(block[-1][1]):
                yield block
                block = []
            block.append(word)
        if block:
            yield block

    def _holds(self, position: int) -> bool:
        place = bisect_right(self._starts, position) - 1
        return place >= 0 and position < self._ends[place]


def _paragraphs(text: str) -> Iterator[tuple[bool, list[Span]]]:
    """The words between two line breaks, and whether they read from right to left."""
    words: list[Span] = []
    for match in _WORD.finditer(text):
        if words and _LINE_BREAK.search(text, words[-1][1], match.start()):
            yield _reads_right_to_left(text, words), words
            words = []
        words.append(match.span())
    if words:
        yield _reads_right_to_left(text, words), words


def _reads_right_to_left(text: str, words: Sequence[Span]) -> bool:
    directions = (_direction(text[start:end]) for start, end in words)
    return next((found for found in directions if found), "L") == "R"


def _direction(word: str) -> str:
    """L or R by the first letter that says so; empty if none does."""
    if word.isascii() and any(map(str.isalpha, word)):
        return "L"
    for character in word:
        match unicodedata.bidirectional(character):
            case "L":
                return "L"
            case "R" | "AL":
                return "R"
    return ""


def _filled(text: str, blocks: Iterable[list[Span]], width: float) -> Iterator[list[Span]]:
    """The words of each line; those that are longer than a line are cut where it ends."""
    line: list[Span] = []
    used = 0.0
    for block in blocks:
        whole = _width(text, block[0][0], block[-1][1])
        if line and used + SPACE + whole > width >= whole:
            yield line
            line, used = [], 0.0
        for start, end in (part for word in block for part in _fitting(text, word, width)):
            needed = _width(text, start, end)
            gap = SPACE if line and line[-1][1] < start else 0.0
            if line and used + gap + needed > width:
                yield line
                line, used, gap = [], 0.0, 0.0
            line.append((start, end))
            used += gap + needed
    if line:
        yield line


def _width(text: str, start: int, end: int) -> float:
    return width_of(printable(text[start:end]), SIZE)


def _fitting(text: str, word: Span, width: float) -> Iterator[Span]:
    """A word, or parts of it that fit into a line."""
    start, end = word
    if _width(text, start, end) <= width:
        yield word
        return
    used = 0.0
    for place in range(start, end):
        needed = _width(text, place, place + 1)
        if place > start and used + needed > width and not is_attached(text[place]):
            yield start, place
            start, used = place, 0.0
        used += needed
    yield start, end


def _placed(
    text: str,
    words: Sequence[Span],
    borders: frozenset[int],
    width: float,
    *,
    is_right_to_left: bool,
) -> Iterator[Segment]:
    """The segments of a line from left to right, at its right end where it reads from there."""
    atoms = _in_visual_order(_levelled(text, _cut(words, borders), base=int(is_right_to_left)))
    stretches = list(_merged(text, atoms, borders))
    gaps = [SPACE * (not _touch(one, other)) for one, other in pairwise(stretches)]
    shown = [printable(text[atom.start : atom.end]) for atom in stretches]
    widths = [width_of(words_shown, SIZE) for words_shown in shown]
    x = max(width - sum(widths) - sum(gaps), 0.0) if is_right_to_left else 0.0
    for atom, own, needed, gap in zip(stretches, shown, widths, [*gaps, 0.0], strict=True):
        yield Segment(atom.start, atom.end, own, x, needed, bool(atom.level % 2))
        x += needed + gap


def _cut(words: Sequence[Span], borders: frozenset[int]) -> list[Span]:
    cut: list[Span] = []
    for start, end in words:
        inside = [place for place in range(start + 1, end) if place in borders]
        cut += pairwise([start, *inside, end])
    return cut


def _levelled(text: str, spans: Sequence[Span], *, base: int) -> list[_Atom]:
    """Give each word its level: even ones read from left to right, odd ones the other way.

    A word without letters goes with its neighbours if these agree, and else with the line.
    """
    own_level = {"L": 2 * base, "R": 1}
    levels = [own_level.get(_direction(text[start:end])) for start, end in spans]
    before: list[int] = []
    for level in levels:
        before.append(level if level is not None else (before[-1] if before else base))
    after: list[int] = []
    for level in reversed(levels):
        after.append(level if level is not None else (after[-1] if after else base))
    return [
        _Atom(start, end, one if one == other else base)
        for (start, end), one, other in zip(spans, before, reversed(after), strict=True)
    ]


def _in_visual_order(atoms: list[_Atom]) -> list[_Atom]:
    """Turn round every run of words at a level or above, the highest level first."""
    for level in range(max((atom.level for atom in atoms), default=0), 0, -1):
        ordered: list[_Atom] = []
        run: list[_Atom] = []
        for atom in atoms:
            if atom.level >= level:
                run.insert(0, atom)
                continue
            ordered += [*run, atom]
            run = []
        atoms = [*ordered, *run]
    return atoms


def _merged(text: str, atoms: Sequence[_Atom], borders: frozenset[int]) -> Iterator[_Atom]:
    """Join neighbours of one direction that no border divides."""
    last: _Atom | None = None
    for atom in atoms:
        joined = last and _joined(last, atom, borders)
        if last and not joined:
            yield last
        last = joined or atom
    if last:
        yield last


def _joined(one: _Atom, other: _Atom, borders: frozenset[int]) -> _Atom | None:
    if one.level != other.level:
        return None
    first, second = (one, other) if one.start < other.start else (other, one)
    if first.end in borders or second.start in borders:
        return None
    return _Atom(first.start, second.end, one.level)


def _touch(one: _Atom, other: _Atom) -> bool:
    return one.end == other.start or other.end == one.start
