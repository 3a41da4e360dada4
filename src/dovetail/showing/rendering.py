"""Documents for people to read: entities marked in the text, relations as arrows below it.

The text may come from anywhere, so nothing in it may reach the terminal as a command: control
characters and overrides of the writing direction are shown, not sent.  Entities carry brackets and
their type, so that the rendering says the same without colours.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from rich.console import Group
from rich.style import Style
from rich.text import Text

from dovetail.showing.visible import shown
from dovetail.text.document import Document, Relation, Sentence, character_pieces

COLOURS = (
    "#8dd3c7", "#fdb462", "#bebada", "#fb8072", "#80b1d3", "#b3de69",
    "#fccde5", "#ffed6f", "#bc80bd", "#ccebc5", "#d9a679", "#a6cee3",
)  # fmt: skip
"""Light backgrounds on which black text reads well, on dark and on light terminals."""

_LEFT_TO_RIGHT_ISOLATE, _FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2066", "\u2068", "\u2069"

_LABEL = Style(bold=True)


def render_document(document: Document, *, entity_types: Iterable[str] = ()) -> Group:
    """Make what a rich console prints: the text with its entities, then a line for each relation.

    Args:
        document: a text with annotated sentences.
        entity_types: all types that may occur, such as those of a model's schema: then a type has
            the same colour in every document.  Types that occur are added.
    """
    occurring = (entity.type for sentence in document.sentences for entity in sentence.entities)
    style_by_type = {
        type_: Style(color="#000000", bgcolor=colour)
        for type_, colour in assign_colours([*entity_types, *occurring]).items()
    }
    arrows = (
        _arrow(document, sentence, relation, style_by_type)
        for sentence in document.sentences
        for relation in sentence.sorted_relations
    )
    return Group(_marked_text(document, style_by_type), *arrows)


def assign_colours(entity_types: Iterable[str]) -> dict[str, str]:
    """Give each type one of `COLOURS`, the same in every process.

    The colour follows from the name; where two names meet, the one that sorts later takes the next
    free colour.  Colours are used twice only when there are more types than colours.
    """
    colour_by_type: dict[str, str] = {}
    free: set[str] = set()
    for type_ in sorted(set(entity_types)):
        free = free or set(COLOURS)
        place = blake2b(type_.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        start = int.from_bytes(place) % len(COLOURS)
        colour = next(colour for colour in (*COLOURS[start:], *COLOURS[:start]) if colour in free)
        free.remove(colour)
        colour_by_type[type_] = colour
    return colour_by_type


@dataclass(frozen=True, slots=True)
class _Mark:
    """An entity, or a fragment of one, at its place in the text of the document.

    The label is the type; dots at its borders say that there are fragments before or behind.
    """

    start_char: int
    end_char: int
    type: str
    label: str
    reads_right_to_left: bool


def _marks(document: Document) -> list[_Mark]:
    marks = []
    for sentence in document.sentences:
        for entity in sentence.entities:
            pieces = character_pieces(sentence, entity)
            for place, (start_char, end_char) in enumerate(pieces, start=1):
                right_to_left = _reads_right_to_left(document.text[start_char:end_char])
                label = "… " * (place > 1) + entity.type + " …" * (place < len(pieces))
                marks.append(_Mark(start_char, end_char, entity.type, label, right_to_left))
    # Where two begin together the longer one opens first, so that the other lies within it.
    return sorted(marks, key=lambda mark: (mark.start_char, -mark.end_char, mark.type))


def _marked_text(document: Document, style_by_type: Mapping[str, Style]) -> Text:
    marks = _marks(document)
    innermost: list[_Mark | None] = [None] * len(document.text)
    for mark in sorted(marks, key=lambda mark: mark.start_char - mark.end_char):  # longest first
        innermost[mark.start_char : mark.end_char] = [mark] * (mark.end_char - mark.start_char)
    opening: defaultdict[int, list[_Mark]] = defaultdict(list)
    closing: defaultdict[int, list[_Mark]] = defaultdict(list)
    for mark in marks:
        opening[mark.start_char].append(mark)
        closing[mark.end_char].insert(0, mark)  # what opened last closes first
    rendered = Text()
    borders = sorted({0, *opening, *closing, len(document.text)})
    for start_char, end_char in itertools.pairwise([*borders, len(document.text)]):
        for mark in closing[start_char]:
            label = f"|{_on_one_line(mark.label)}]" + _POP_ISOLATE * mark.reads_right_to_left
            rendered.append(label, style_by_type[mark.type] + _LABEL)
        for mark in opening[start_char]:
            bracket = _LEFT_TO_RIGHT_ISOLATE * mark.reads_right_to_left + "["
            rendered.append(bracket, style_by_type[mark.type] + _LABEL)
        holder = innermost[start_char] if start_char < end_char else None
        style = style_by_type[holder.type] if holder else None
        rendered.append(shown(document.text[start_char:end_char]), style)
    return rendered


def _arrow(
    document: Document, sentence: Sentence, relation: Relation, style_by_type: Mapping[str, Style]
) -> Text:
    """One line such as ``Marie Curie ──born_in 0.97──▶ Warsaw``."""
    confidence = "" if relation.confidence is None else f" {relation.confidence:.2f}"
    line = Text()
    line.append(
        _on_one_line(document.surface(sentence, relation.head)), style_by_type[relation.head.type]
    )
    line.append(f" ──{_on_one_line(relation.type)}{confidence}──▶ ")
    line.append(
        _on_one_line(document.surface(sentence, relation.tail)), style_by_type[relation.tail.type]
    )
    return line


def _on_one_line(text: str) -> str:
    line = shown(" ".join(text.split()))
    return _FIRST_STRONG_ISOLATE + line + _POP_ISOLATE if _reads_right_to_left(text) else line


def _reads_right_to_left(text: str) -> bool:
    """Whether any of it does: then it must not draw its neighbours into its own direction."""
    return not text.isascii() and any(
        unicodedata.bidirectional(character) in {"R", "AL"} for character in text
    )


def duration(seconds: float) -> str:
    """A time as one reads it: of hours, minutes and seconds the larger two.

    >>> duration(3700), duration(75), duration(12.4), duration(7.26)
    ('1 h 1 min', '1 min 15 s', '12 s', '7.3 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_rest = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_rest} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
