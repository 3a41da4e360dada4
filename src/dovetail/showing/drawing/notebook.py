"""What a notebook shows of an extraction: its picture, and its relations in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dovetail.showing.drawing.picture import counted, relation_in_words, svg_of
from dovetail.text.extraction import TextEntity, TextRelation

MOST_CHARACTERS = 10_000
"""Of a text that are drawn unasked: about a hundred lines."""

MOST_LISTED = 500
"""Relations that are listed in words."""


def html_of(text: str, entities: Sequence[TextEntity], relations: Sequence[TextRelation]) -> str:
    """Draw a text for a notebook; of a long one the beginning, and how much more there is.

    It takes the colours of the page.  Below the picture the relations can be unfolded as a list,
    for who cannot see the arcs and for text that is to be copied.
    """
    end = _end_of_beginning(text)
    shown = [own for own in entities if own.end_char <= end]
    places = {id(own) for own in shown}
    links = [own for own in relations if id(own.head) in places and id(own.tail) in places]
    picture = svg_of(text[:end], shown, links)
    left_out = ""
    if end < len(text):
        parts = (
            counted(len(text) - end, "more character", "more characters"),
            counted(len(entities) - len(shown), "entity", "entities"),
            counted(len(relations) - len(links), "relation", "relations"),
        )
        left_out = _paragraph("Not drawn: {}, {}, {}. to_svg() draws all.".format(*parts))
    return (
        f'<div style="overflow-x:auto;max-width:100%">{picture}</div>{left_out}'
        f"{_list(entities, relations)}"
    )


def _end_of_beginning(text: str) -> int:
    """Where a long text is cut: at the last white space before so many characters, if any."""
    if len(text) <= MOST_CHARACTERS:
        return len(text)
    space = max(text.rfind(mark, 0, MOST_CHARACTERS) for mark in " \n\t")
    return space if space > 0 else MOST_CHARACTERS


def _list(entities: Sequence[TextEntity], relations: Sequence[TextRelation]) -> str:
    found = counted(len(entities), "entity", "entities")
    if not relations:
        return _paragraph(f"{found}, no relation")
    items = "".join(f"<li>{escape(relation_in_words(own))}</li>" for own in relations[:MOST_LISTED])
    more = len(relations) - MOST_LISTED
    if more > 0:
        items += f"<li>… and {more:,} more</li>"
    said = f"{found}, {counted(len(relations), 'relation', 'relations')}"
    return f"<details><summary>{said}</summary><ul>{items}</ul></details>"


def _paragraph(words: str) -> str:
    return f"<p>{escape(words)}</p>"
