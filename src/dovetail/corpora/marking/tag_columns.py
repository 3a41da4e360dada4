"""Entities off the tag columns that corpora come with, whichever scheme they follow."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from dovetail.corpora.source.json_records import describe
from dovetail.errors import CorpusFormatError

_OUTSIDE = "O"
_BEGINS = frozenset("BUSW")  # U (unit), S (single) and W (whole) are a B that also ends
_ENDS = frozenset("LEUSW")  # L (last) and E (end) close what I continues
_PREFIXES = _BEGINS | _ENDS | {"I", "M"}  # M (middle) is an I
_BEHIND = re.compile(r"(?P<type>.+)[-_](?P<prefix>[BILEUSWM])")
_OTHER_SPELLINGS = (
    re.compile(r"(?P<prefix>[BILEUSWM])_(?P<type>.+)"),
    _BEHIND,
    re.compile(r"(?P<prefix>[BILEUSWM])(?P<type>)"),
)
NO_TYPE = "Entity"
"""The type of entities that are marked and have none."""


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


def spelling_of(cells: Collection[str]) -> Callable[[str], str] | None:
    """How to write the tags of a column as usual, if all of them are spelt in one other way.

    These are ``B_Person``, ``Person-B`` and ``Person_B``, and ``B`` alone, whose entities are of
    the type `NO_TYPE`.

    >>> spelling = spelling_of(["B_Person", "I_Person", "O"])
    >>> spelling("B_Person")
    'B-Person'
    """
    marked = [cell for cell in cells if cell != _OUTSIDE]
    for pattern in _OTHER_SPELLINGS:
        found = [match for match in map(pattern.fullmatch, marked) if match is not None]
        parts = [(match["type"], match["prefix"]) for match in found]
        prefixes = {prefix for _, prefix in parts}
        if not marked or len(parts) < len(marked) or not prefixes & _BEGINS:
            continue
        # A type may end as such a tag does ("hepatitis-B"), but not two ways.
        if pattern is _BEHIND and len({type_ for type_, _ in parts}) == len(parts):
            continue
        return partial(_respelt, pattern)
    return None


def _respelt(pattern: re.Pattern[str], cell: str) -> str:
    match = pattern.fullmatch(cell)
    return cell if match is None else f"{match['prefix']}-{match['type'] or NO_TYPE}"
