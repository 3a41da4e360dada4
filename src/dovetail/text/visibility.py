"""Which characters of a text a reader sees."""

from __future__ import annotations

# What a reader does not see: soft hyphens, joiners, marks of direction, byte-order marks.  Not all
# of Unicode's format characters (Cf): those of Arabic and Kaithi numbers have a shape, and the tags
# (U+E0000 and above) end the emoji of a flag.
NO_WIDTH = frozenset(
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
    "\ufeff"
)


def visible_span(text: str, start_char: int, end_char: int) -> tuple[int, int]:
    """A stretch of text without white space and characters of no width at its borders.

    >>> visible_span("\ufeffBonn\u200b is", 0, 6)
    (1, 5)
    """
    while start_char < end_char and _is_invisible(text[start_char]):
        start_char += 1
    while start_char < end_char and _is_invisible(text[end_char - 1]):
        end_char -= 1
    return start_char, end_char


def is_visible(text: str) -> bool:
    """Whether there is anything in it to see."""
    return not all(map(_is_invisible, text))


def _is_invisible(character: str) -> bool:
    return character.isspace() or character in NO_WIDTH
