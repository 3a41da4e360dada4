"""What was written by others, made fit for a terminal: visible, and of bounded length.

Whatever is shown and comes from a corpus, a model, a config or the name of a file passes `shown`
on its way, and a message of an error `shown_message`.
"""

from __future__ import annotations

import unicodedata

MAX_LINE, MAX_LINES = 600, 60
"""Characters of a line and lines of a message that are shown; the rest is counted."""

_KEPT_AT_END = MAX_LINE // 3  # what to do about an error stands at the end of its message

_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def shown(text: str) -> str:
    r"""Replace what a terminal would obey by something that it shows.

    Newlines stay and tabs become spaces.  Control characters turn into their pictures or their
    Python escapes, as do lone surrogates, which no terminal can be sent, and overrides of the
    writing direction, which would let a text rearrange what stands beside it.

    >>> shown("a\x1b[31mb\x00")
    'a␛[31mb␀'
    """
    if text.isprintable():
        return text
    return "".join(map(_shown_character, text))


def _shown_character(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return character
    if character == "\t":
        return "    "
    if code < 0x20:
        return chr(0x2400 + code)  # the block of control pictures, in the order of ASCII
    if code == 0x7F:
        return "\u2421"
    if _is_obeyed(character):
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


def _is_obeyed(character: str) -> bool:
    return character in _DIRECTION_CONTROLS or unicodedata.category(character) in {
        "Cc", "Cs", "Zl", "Zp",
    }  # fmt: skip


def shown_label(text: str) -> str:
    r"""A name as a figure shows it: as `shown`, and no part of it is taken for a formula.

    Fonts of figures lack the pictures of control characters, so these are escaped here.

    >>> shown_label("$x$ \x1b")
    '\\$x\\$ \\x1b'
    """
    ascii_controls = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F)}
    return shown(text.translate(ascii_controls)).replace("$", r"\$")


def shown_json(text: str) -> str:
    r"""A JSON value in which the same characters are escaped as JSON does, so that it stays equal.

    >>> print(shown_json('{"type": "a\u202eb"}'))
    {"type": "a\u202eb"}
    """
    if text.isascii() and "\x7f" not in text:
        return text  # JSON escapes other ASCII controls by itself
    return "".join(
        f"\\u{ord(character):04x}"
        if character == "\x7f" or (character > "\x7f" and _is_obeyed(character))
        else character
        for character in text
    )


def shown_message(text: str) -> str:
    """A message as `shown` shows it, its middle left out of long lines, and of many lines the rest.

    >>> shown_message("x" * 10_000)[-225:-195]
    'x … (9,400 characters) … xxxxx'
    """
    lines = text.split("\n", MAX_LINES)
    rest = lines.pop() if len(lines) > MAX_LINES else None
    shortened = [shown(_shortened(line)) for line in lines]
    if rest is not None:
        shortened.append(f"… and {rest.count(chr(10)) + 1:,} more lines")
    return "\n".join(shortened)


def _shortened(line: str) -> str:
    left_out = len(line) - MAX_LINE
    if left_out <= 0:
        return line
    start = line[: MAX_LINE - _KEPT_AT_END]
    return f"{start} … ({left_out:,} characters) … {line[-_KEPT_AT_END:]}"
