"""A `Doc` as an `Extraction`: to be drawn, shown in a notebook, or made a data frame of."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from spacy.tokens import Doc, Span

from dovetail.spacy_component.annotation import FRAGMENTS, SCORES
from dovetail.spacy_component.relations import relations_of
from dovetail.text.document import Document, Entity, Relation, Sentence
from dovetail.text.extraction import Extraction

_LOG = logging.getLogger(__name__)

_Mark = tuple[int, int, str]


def extraction_of(doc: Doc, *, spans_key: str = "dovetail") -> Extraction:
    """The entities and relations that a `Doc` has, on spaCy's tokens.

    Entities are those of the span group and the arguments of relations; of a `Doc` without that
    group, those of `doc.ents`.  The whole `Doc` is one sentence, whatever its sentences are.  A
    relation whose two arguments have grown to the same span is left out, and logged.
    """
    words = [token for token in doc if not token.is_space]
    place = {token.i: index for index, token in enumerate(words)}
    entities = {}
    for span, score, pieces in _spans(doc, spans_key):
        found = [_on_words(start, end, place) for start, end in pieces]
        entities[_mark(span)] = Entity.of_pieces(found, span.label_, score)
    relations = set()
    for relation in relations_of(doc):
        for span in (relation.head, relation.tail):
            if _mark(span) not in entities:
                found = [_on_words(span.start, span.end, place)]
                entities[_mark(span)] = Entity.of_pieces(found, span.label_)
        head, tail = (entities[_mark(span)] for span in (relation.head, relation.tail))
        if head == tail:
            _LOG.warning("a relation %r of %r to itself is left out", relation.type, head.type)
            continue
        relations.add(Relation(head, tail, relation.type, relation.confidence))
    sentence = Sentence(
        tuple(token.text for token in words),
        tuple((token.idx, token.idx + len(token)) for token in words),
        frozenset(entities.values()),
        frozenset(relations),
    )
    return Extraction(Document("", doc.text, (sentence,) if words else ()), {})


def _spans(doc: Doc, spans_key: str) -> list[tuple[Span, float | None, Sequence[tuple[int, int]]]]:
    """The spans that are entities, each with its confidence and its pieces."""
    if spans_key not in doc.spans:
        return [(span, None, [(span.start, span.end)]) for span in doc.ents]
    group = doc.spans[spans_key]
    scores = list(group.attrs.get(SCORES, ()))
    scores += [None] * (len(group) - len(scores))
    fragments = dict(group.attrs.get(FRAGMENTS, ()))
    return [
        (span, score, fragments.get(index, [(span.start, span.end)]))
        for index, (span, score) in enumerate(zip(group, scores, strict=False))
    ]


def _mark(span: Span) -> _Mark:
    return span.start, span.end, span.label_


def _on_words(start: int, end: int, place: dict[int, int]) -> tuple[int, int]:
    """The tokens of a span among those that are no white space."""
    inside = [place[token] for token in range(start, end) if token in place]
    if not inside:
        raise ValueError(f"tokens {start} to {end} are white space, which cannot be an entity")
    return inside[0], inside[-1] + 1
