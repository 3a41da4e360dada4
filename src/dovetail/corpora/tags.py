"""Entities off the tag columns that corpora come with, whichever scheme they follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dovetail.corpora.records import describe
from dovetail.errors import CorpusFormatError

_OUTSIDE = "O"
_BEGINS = frozenset("BUSW")  # U (unit), S (single) and W (whole) are a B that also ends
_ENDS = frozenset("LEUSW")  # L (last) and E (end) close what I continues
_PREFIXES = _BEGINS | _ENDS | {"I", "M"}  # M (middle) is an I


def is_tag(text: object) -> bool:
    """Whether a value is a tag of the schemes IOB, BIO, BIOES, BMES or BILOU."""
    if not isinstance(text, str):
        return False
    prefix, hyphen, type_ = text.partition("-")
    return text == _OUTSIDE or (prefix in _PREFIXES and bool(hyphen) and bool(type_))


def entities_from_tags(tags: Sequence[object], where: str) -> Iterable[tuple[int, int, str]]:
    """Yield the half-open token borders and the types that tags mark, in reading order.

    One rule reads all schemes: B, U, S and W begin an entity; L, E, U, S and W end it; an I, M, L
    or E that continues nothing begins one, as in conlleval, which is how the older IOB is read too.

    Raises:
        CorpusFormatError: if something is not a tag.

    >>> list(entities_from_tags(["I-Per", "I-Per", "O", "B-Loc", "L-Loc"], "here"))
    [(0, 2, 'Per'), (3, 5, 'Loc')]
    """
    start, open_type = 0, ""
    for position, tag in enumerate(tags):
        if not is_tag(tag):
            raise CorpusFormatError(
                f"{where}: expected a tag, as 'O' or 'B-Person', for token {position}, "
                f"found {describe(tag)}"
            )
        prefix, _, type_ = str(tag).partition("-")
        if open_type and (prefix in _BEGINS or type_ != open_type):
            yield start, position, open_type
            open_type = ""
        if type_ and not open_type:
            start, open_type = position, type_
        if open_type and prefix in _ENDS:
            yield start, position + 1, open_type
            open_type = ""
    if open_type:
        yield start, len(tags), open_type
