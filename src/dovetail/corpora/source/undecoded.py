"""Bytes of a corpus that are not UTF-8, each as a character of its own until its item is left out.

Python's `surrogateescape` decodes byte 0xE9 as U+DCE9, half a surrogate pair, which no text can
hold otherwise.  So a reader goes on as ever, and whoever makes sentences of what it read
(`SentenceBuilder`, `cut_into_tokens`) drops the items that hold one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from dovetail.errors import CorpusError

UNDECODED = re.compile("[\udc80-\udcff]")


_SAID = "is not UTF-8"
_PLACE = re.compile(r"(?:.*[/\\])?(.+?:\d+)", re.DOTALL)


def not_utf8(where: str, character: str) -> str:
    """Return the message on a byte that is not UTF-8."""
    return (
        f"{where}: byte {bytes([ord(character) - 0xDC00])!r} {_SAID}; convert the file first, "
        f"as: iconv -f LATIN1 -t UTF-8"
    )


def with_place(document_id: str, message: str) -> str:
    """The name of what is left out, with file and line if a byte is the reason.

    Who looks for a byte looks for its line; what else is broken is found by the name.
    """
    match = _PLACE.match(message)
    if _SAID not in message or match is None or match[1] in document_id:
        return document_id
    return f"{document_id} ({match[1]})"


def replaced(text: str) -> str:
    """The text with a sign (U+FFFD) for each such byte, for reading on after it was listed."""
    return UNDECODED.sub("\ufffd", text)


def spelt(text: str) -> str:
    r"""The text with such bytes spelt out, as in ``caf\xe9``: something to show and to store."""
    return UNDECODED.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", text)


@contextmanager
def spelt_errors() -> Iterator[None]:
    """Spell bytes in messages that are not UTF-8."""
    try:
        yield
    except CorpusError as error:
        if UNDECODED.search(str(error)):
            raise type(error)(spelt(str(error))) from error
        raise
