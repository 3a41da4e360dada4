"""Which column of a file holds the tokens and which the tags.

All columns of all rows are looked at: an index counts up within a sentence, tags follow a scheme
or are a few names beside ``O``, phrases (``B-NP``) are no entities.  Where two readings fit,
nobody guesses: the error lists them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dovetail.corpora.marking.tag_columns import is_tag, spelling_of
from dovetail.errors import CorpusError

OUTSIDE = "O"
_ALMOST_ALL = 0.9
_OFTEN_OUTSIDE = 0.3  # entities are rarer than the words between them
_MOST_TYPES = 50
_ENOUGH_ROWS = 50
_EXAMPLES = 3
_LABEL = re.compile(r"[^\W\d_][\w./&-]{0,60}")
_PHRASES = frozenset(
    ["NP", "VP", "PP", "ADJP", "ADVP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"]
)
_TOKEN_NAMES = frozenset(["token", "tokens", "word", "words", "form", "text"])
_ENTITY_NAMES = frozenset(["ner", "ne", "ner_tag", "ner_tags", "entity", "entities"])
_NAMES = (
    _TOKEN_NAMES
    | _ENTITY_NAMES
    | {"id", "index", "idx", "#", "pos", "upos", "xpos", "pos_tag", "lemma", "chunk", "feats"}
    | {"tag", "tags", "label", "labels", "bio", "iob", "head", "deprel", "deps", "misc"}
)

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of tokens and of tags, counted from 0, and of how many in a row.

    `is_prefixed` is false for tags that are names of types alone; `spelling` writes tags as usual
    that are spelt in another way.
    """

    token: int
    tag: int
    columns: int
    is_prefixed: bool = True
    spelling: Callable[[str], str] | None = None

    def cells(self, row: Row) -> tuple[str, str] | None:
        """The token and the tag of a row; None if it does not have both."""
        # Rows may have further columns between a token in front and a tag at the end.
        at_the_ends = self.token == 0 and self.tag == self.columns - 1 and len(row) > 1
        if len(row) != self.columns and not at_the_ends:
            return None
        token, tag = row[self.token], row[self.tag if len(row) == self.columns else -1]
        if self.spelling is not None:
            tag = self.spelling(tag)
        if not self.is_prefixed and tag != OUTSIDE and _LABEL.fullmatch(tag):
            tag = f"I-{tag}"
        return (token, tag) if token and is_tag(tag) else None


def is_header(row: Row) -> bool:
    """Whether a row names the columns."""
    return len(row) > 1 and all(name.lower() in _NAMES for name in row)


def find_layout(
    sentences: Sequence[Sequence[Row]],
    path: Path,
    *,
    names: Row = (),
    wanted: tuple[int, int] | None = None,
) -> Layout | None:
    """Where tokens and tags stand; None if no column holds tags.

    Args:
        sentences: the rows of each sentence.
        path: for errors.
        names: those that the file gives its columns.
        wanted: the columns of tokens and tags, if they are known.

    Raises:
        CorpusError: if there are several readings, or the wanted columns do not exist.
    """
    counts = Counter(len(row) for rows in sentences for row in rows)
    columns = max(counts, key=lambda count: (counts[count], count), default=0)
    usual = [[row for row in rows if len(row) == columns] for rows in sentences]
    tables = [_Column(number, usual) for number in range(columns)]
    if wanted is not None:
        if max(wanted) >= columns:
            raise CorpusError(
                f"{path} has {columns} columns; expected token and tag among them, found "
                f"{_named(*wanted)}"
            )
        return _layout(*wanted, columns, tables[wanted[1]])
    if columns == 2 and tables[1].tags >= _ALMOST_ALL:
        return Layout(0, 1, 2)
    tagged = _tag_columns(tables)
    if len(tagged) > 1:
        named = [item for item in tagged if _name(names, item.number) in _ENTITY_NAMES]
        tagged = named if len(named) == 1 else tagged
    words = _token_columns(tables, tagged, names)
    if not tagged or not words:
        return None
    if len(tagged) > 1 or len(words) > 1:
        raise CorpusError(_question(path, words, tagged, names))
    tag = tagged[0]
    return _layout(words[0].number, tag.number, columns, tag)


def _layout(token: int, tag: int, columns: int, cells: _Column) -> Layout:
    spelling = None if cells.holds_tags else spelling_of(cells.cells)
    return Layout(token, tag, columns, cells.holds_tags or spelling is not None, spelling)


class _Column:
    """One column of the usual rows: its cells, how many are tags, whether they count up."""

    def __init__(self, number: int, sentences: Sequence[Sequence[Row]]) -> None:
        self.number = number
        self.cells = Counter(row[number] for rows in sentences for row in rows)
        self.rows = self.cells.total()
        self.tags = sum(n for cell, n in self.cells.items() if is_tag(cell)) / self.rows
        self.types = {
            cell.partition("-")[2] for cell in self.cells if is_tag(cell) and cell != OUTSIDE
        }
        self.is_index = self._counts_up(sentences)

    def _counts_up(self, sentences: Sequence[Sequence[Row]]) -> bool:
        if not all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in self.cells):
            return False
        numbers = [[int(row[self.number]) for row in rows] for rows in sentences if rows]
        return numbers[0][0] in (0, 1) and all(
            items == list(range(items[0], items[0] + len(items))) for items in numbers
        )

    @property
    def is_number(self) -> bool:
        return self.rows >= _ENOUGH_ROWS and all(cell.isdigit() for cell in self.cells)

    @property
    def holds_tags(self) -> bool:
        """Whether the cells follow a scheme, some broken ones aside."""
        marked = {cell: n for cell, n in self.cells.items() if cell != OUTSIDE}
        prefixed = sum(n for cell, n in marked.items() if is_tag(cell))
        return self.tags >= _ALMOST_ALL or 2 * prefixed > sum(marked.values())

    @property
    def is_label(self) -> bool:
        """Whether the cells are names of types beside ``O``."""
        others = self.cells.keys() - {OUTSIDE}
        return (
            not self.holds_tags
            and not any(cell.endswith("-") for cell in others)
            and self.cells[OUTSIDE] >= _OFTEN_OUTSIDE * self.rows
            and 0 < len(others) <= min(_MOST_TYPES, self.rows / 2)
            and all(_LABEL.fullmatch(cell) for cell in others)
        )

    def shown(self, names: Row) -> str:
        """The column for a message: its number and name, and a few of its cells."""
        cells = [cell for cell in self.cells if cell not in (OUTSIDE, "")] or list(self.cells)
        listed = ", ".join(repr(cell[:30]) for cell in cells[:_EXAMPLES])
        name = f" {names[self.number]!r}" if self.number < len(names) else ""
        return f"column {self.number + 1}{name} ({listed})"


def _tag_columns(columns: Sequence[_Column]) -> list[_Column]:
    """The columns that may hold the tags of entities."""
    schemes = [item for item in columns if item.holds_tags]
    marked = [item for item in schemes if item.types]
    marked += [item for item in columns if item not in schemes and item.is_label]
    if len(marked) > 1:
        marked = [item for item in marked if not item.types or not item.types <= _PHRASES]
    return marked or schemes


def _token_columns(
    columns: Sequence[_Column], tagged: Sequence[_Column], names: Row
) -> list[_Column]:
    """The column of tokens: the first one of words; several, if another may as well be it."""
    rest = [
        item
        for item in columns
        if item not in tagged
        and not item.is_index
        and not item.is_number
        and not item.holds_tags
        and any(cell.strip() for cell in item.cells)
    ]
    named = [item for item in rest if _name(names, item.number) in _TOKEN_NAMES]
    if len(named) == 1:
        return named
    return rest[:1] + [item for item in rest[1:] if _outdoes(item, rest[0])]


def _outdoes(other: _Column, first: _Column) -> bool:
    """Whether a later column looks more like words than the first one does."""
    varied = other.rows >= _ENOUGH_ROWS and len(other.cells) > 2 * len(first.cells)
    capitals = all(cell == cell.upper() for cell in first.cells)
    return varied or (capitals and any(cell != cell.upper() for cell in other.cells))


def _name(names: Row, number: int) -> str:
    return names[number].lower() if number < len(names) else ""


def _named(token: int, tag: int) -> str:
    return f"token={token + 1},tag={tag + 1}"


def _question(path: Path, words: Sequence[_Column], tagged: Sequence[_Column], names: Row) -> str:
    choices: Mapping[str, str] = {
        "tokens": " or ".join(item.shown(names) for item in words),
        "tags": " or ".join(item.shown(names) for item in tagged),
    }
    said = "; ".join(f"{what} may be in {where}" for what, where in choices.items())
    return (
        f"{path}: the columns can be read in several ways: {said}. Name the two that are meant, as "
        f"--columns {_named(words[0].number, tagged[-1].number)} (data.columns)"
    )
