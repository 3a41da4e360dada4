r"""Which line breaks of a raw text end a sentence.

Blank lines, form feeds, ``\r\r`` and the Unicode separators U+2028 and U+2029 always do.  A single
line break does where it was made on purpose, as in lists and captions, and not where a program
wrapped a paragraph: a wrapped line is broken because the next word does not fit.
"""

from __future__ import annotations

import re
from bisect import bisect_right

NARROWEST_WRAP, WIDEST_WRAP = 50, 160
"""Text is wrapped to widths within, in characters; where lines are shorter or longer, each is one
of its own."""

_SPARE = 0.8
"""A next word that ends within this share of the usual width would have fitted."""

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n|[\f\v\x1c-\x1e\u2029]")
_LINE = re.compile(r"[\n\x85\u2028]")
_WORD = re.compile(r"\S+")


class LineBreaks:
    """What the white space between two tokens of a text says of sentences, lines and paragraphs."""

    def __init__(self, text: str) -> None:
        # Positions stay as they are: every sign is replaced by as many.
        self._text = text.replace("\r\n", " \n").replace("\r", "\n")
        lines = self._text.split("\n")
        self._starts = [0]
        for line in lines[:-1]:
            self._starts.append(self._starts[-1] + len(line) + 1)
        lengths = sorted(len(line.rstrip()) for line in lines if not line.isspace() and line)
        self._width = lengths[(3 * len(lengths)) // 4] if lengths else 0

    def ends_paragraph(self, start: int, end: int) -> bool:
        """Whether a paragraph ends in the characters ``[start, end)``, all of them white space."""
        return end - start > 0 and _PARAGRAPH.search(self._text, start, end) is not None

    def ends_line(self, start: int, end: int) -> bool:
        """Whether a line ends there."""
        if end - start == 0:
            return False
        found = _LINE.search(self._text, start, end) or _PARAGRAPH.search(self._text, start, end)
        return found is not None

    def ends_sentence(self, start: int, end: int) -> bool:
        """Whether a sentence ends there, whatever its last word is."""
        if end - start == 0 or not self.ends_line(start, end):
            return False
        if self.ends_paragraph(start, end) or "\n" not in self._text[start:end]:
            return True
        return self._is_on_purpose(start, end)

    def _is_on_purpose(self, start: int, end: int) -> bool:
        word = _WORD.match(self._text, end)
        if word is None or word.group()[0].islower():  # a sentence that goes on
            return False
        if not NARROWEST_WRAP <= self._width <= WIDEST_WRAP:
            return True
        length = start - self._starts[bisect_right(self._starts, start) - 1]
        return length + 1 + len(word.group()) <= _SPARE * self._width
