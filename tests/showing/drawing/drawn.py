"""Texts with entities and relations to draw, and what is in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from dovetail.text.extraction import TextEntity, TextRelation

PATIENT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # the first texts are slow to draw on a busy machine

SVG = "{http://www.w3.org/2000/svg}"


def entity(text: str, words: str, type_: str, nth: int = 0) -> TextEntity:
    """The entity of the words' nth occurrence."""
    start = -1
    for _ in range(nth + 1):
        start = text.index(words, start + 1)
    return TextEntity(start, start + len(words), type_, words, 0.93)


def relation(head: TextEntity, tail: TextEntity, type_: str) -> TextRelation:
    return TextRelation(head, tail, type_, 0.9)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def words_in(svg: str) -> list[str]:
    """The texts of a picture, in the order in which they are drawn."""
    return [element.text or "" for element in parsed(svg).iter(f"{SVG}text")]


def tips_in(svg: str) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter(f"{SVG}title")]


@st.composite
def marked_texts(
    draw: st.DrawFn,
) -> tuple[str, Sequence[TextEntity], Sequence[TextRelation]]:
    """Any text, with entities that overlap as they like and relations between any two."""
    letters = st.one_of(
        st.sampled_from(list("ab  \n<&\"'\u200dשלא東🙂\x07\ud800\ufffe\u0301\u202e")),
        st.characters(),
    )
    text = "".join(draw(st.lists(letters, max_size=120)))
    seen = [place for place, letter in enumerate(text) if not letter.isspace()]
    entities = []
    for _ in range(draw(st.integers(0, 6)) if seen else 0):
        start, last = sorted((draw(st.sampled_from(seen)), draw(st.sampled_from(seen))))
        type_ = draw(st.text(min_size=1, max_size=60))
        entities.append(TextEntity(start, last + 1, type_, text[start : last + 1], 0.5))
    pairs = draw(st.lists(st.tuples(*[st.integers(0, max(len(entities) - 1, 0))] * 2), max_size=6))
    relations = [
        TextRelation(entities[head], entities[tail], draw(st.text(min_size=1)), None)
        for head, tail in pairs
        if entities
    ]
    return text, entities, relations
