"""What a model found, put on a `Doc`: by characters first, then on spaCy's tokens.

The two need not agree, since a model cuts texts by rules of its own.  An entity that begins or ends
inside a token of spaCy's grows to its borders, and where it really stands is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from spacy.tokens import Doc, Span, SpanGroup

from dovetail.spacy_component.relations import SpanRelation, set_relations
from dovetail.text.extraction import Extraction, TextEntity

Ents = Literal["add", "overwrite", "leave"]
"""What becomes of `doc.ents`: ours go where none stand, or in place of those that they overlap, or
all stays as it was."""

SCORES, GROWN, FRAGMENTS = "scores", "grown", "fragments"
"""Attributes of the span group: a confidence for each span; the place in the group and the
characters of those that grew; the place and the tokens of those that have several fragments."""

_BLOCKED = 3, ""
"""The tag and the type of a token that spaCy's users have forbidden to be in an entity."""


def annotate(doc: Doc, extraction: Extraction, *, ents: Ents, spans_key: str) -> int:
    """Put an extraction on the `Doc` of its text; returns how many entities grew."""
    entities = extraction.entities
    spans = [_span(doc, own.start_char, own.end_char, own.type) for own in entities]
    attributes = _attributes(doc, entities, spans)
    doc.spans[spans_key] = SpanGroup(doc, name=spans_key, spans=spans, attrs=attributes)
    place = {id(own): index for index, own in enumerate(entities)}
    set_relations(
        doc,
        (
            SpanRelation(
                spans[place[id(own.head)]], spans[place[id(own.tail)]], own.type, own.confidence
            )
            for own in extraction.relations
        ),
        spans_key=spans_key,
    )
    if ents != "leave":
        _set_ents(doc, _whole(entities, spans), overwrites=ents == "overwrite")
    return len(attributes[GROWN])


def _span(doc: Doc, start_char: int, end_char: int, type_: str) -> Span:
    span = doc.char_span(start_char, end_char, label=type_, alignment_mode="expand")
    if span is None:  # every character is in a token or in the space behind it
        raise ValueError(f"characters {start_char} to {end_char} are outside of the Doc")
    return span


def _attributes(
    doc: Doc, entities: Sequence[TextEntity], spans: Sequence[Span]
) -> dict[str, list[Any]]:
    """Plain values, which every way to save a `Doc` takes."""
    grown, fragments = [], []
    for index, (entity, span) in enumerate(zip(entities, spans, strict=True)):
        pieces = [_span(doc, *piece, "") for piece in entity.fragments] or [span]
        found = [(piece.start_char, piece.end_char) for piece in pieces]
        if found != [*entity.pieces]:
            grown.append([index, [*map(list, entity.pieces)]])
        if entity.fragments:
            fragments.append([index, [[piece.start, piece.end] for piece in pieces]])
    scores = [entity.confidence for entity in entities]
    return {SCORES: scores, GROWN: grown, FRAGMENTS: fragments}


def _whole(entities: Sequence[TextEntity], spans: Sequence[Span]) -> list[Span]:
    """The spans of entities without gaps: the longest first, of these the most confident."""
    kept = [
        (entity, span) for entity, span in zip(entities, spans, strict=True) if not entity.fragments
    ]
    kept.sort(key=lambda item: (item[1].start - item[1].end, -(item[0].confidence or 0.0)))
    return [span for _, span in kept]


def _set_ents(doc: Doc, found: Iterable[Span], *, overwrites: bool) -> None:
    """Set `doc.ents`, whose spans may not overlap: who comes first stays."""
    blocked = [
        doc[token.i : token.i + 1] for token in doc if (token.ent_iob, token.ent_type_) == _BLOCKED
    ]
    standing = list(doc.ents)
    taken = {token for span in blocked for token in range(span.start, span.end)}
    kept = []
    for span in (*found, *standing) if overwrites else (*standing, *found):
        tokens = range(span.start, span.end)
        if taken.isdisjoint(tokens):
            taken.update(tokens)
            kept.append(span)
    doc.set_ents(kept, blocked=blocked)
