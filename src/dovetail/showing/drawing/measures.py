"""How wide words are when they are drawn, with no font at hand.

An SVG makes its words exactly as wide as it says they are (`textLength`), whatever font a reader
has.  So these widths decide where things stand, and an estimate that is a little off costs nothing
but a little space between letters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

from dovetail.showing.visible import shown

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"

_ASCII = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *((556,) * 10),
    *(278, 278, 584, 584, 584, 556, 1015),
    *(667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833),
    *(722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611),
    *(278, 278, 278, 469, 556, 333),
    *(556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833),
    *(556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500),
    *(334, 260, 334, 584),
)
"""Thousandths of the size of the letters, as Helvetica has them from the space to the tilde."""

_WIDE, _USUAL = 1000, 580
_JOINER = "\u200d"
_FORBIDDEN_IN_XML = re.compile("[\ufffe\uffff]")


def printable(text: str) -> str:
    r"""A text on one line, with what cannot be seen or stand in XML made visible.

    >>> printable("two\n words\x07")
    'two words␇'
    """
    line = shown(" ".join(text.split()))
    return _FORBIDDEN_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def shortened(text: str, characters: int = 40) -> str:
    """The beginning of a printable text, with an ellipsis where something is left out.

    >>> shortened("a very long type", 7), shortened(" ")
    ('a very…', '?')
    """
    line = printable(text) or "?"  # where there is nothing to be seen
    return line if len(line) <= characters else f"{line[: characters - 1]}…"


def width_of(text: str, size: float) -> float:
    """About how many pixels wide a printable text is in letters of a size."""
    thousandths = sum(map(_thousandths, text))
    if _JOINER in text:  # what follows a joiner is drawn within the sign before it
        thousandths -= sum(
            _thousandths(after) for joiner, after in pairwise(text) if joiner == _JOINER
        )
    return max(thousandths, 1) * size / 1000


@lru_cache(maxsize=4096)
def _thousandths(character: str) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return _ASCII[code - 32]
    if is_attached(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE
    base = unicodedata.normalize("NFD", character)[0]
    return _ASCII[ord(base) - 32] if 32 <= ord(base) < 127 else _USUAL


def is_attached(character: str) -> bool:
    """Whether a character is drawn on the one before it, such as an accent of its own."""
    return unicodedata.category(character) in ("Mn", "Me", "Cf")
