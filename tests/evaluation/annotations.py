"""Random annotations of one short sentence, for properties that hold whatever is annotated."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from dovetail.text.document import TASKS, Entity, Relation, Sentence

TOKENS = ("a", "b", "c", "d", "e", "f")
ENTITY_TYPES = ("Person", "Place", "Ship")
RELATION_TYPES = ("near", "owns", "sails_to")
CONFIDENCES = st.floats(0, 1)


@st.composite
def entities(draw: st.DrawFn) -> Entity:
    type_, confidence = draw(st.sampled_from(ENTITY_TYPES)), draw(CONFIDENCES)
    if draw(st.integers(0, 3)) == 3:  # of several fragments, if the tokens are not neighbours
        tokens = draw(st.sets(st.integers(0, len(TOKENS) - 1), min_size=2, max_size=4))
        return Entity.of_pieces([(token, token + 1) for token in tokens], type_, confidence)
    start = draw(st.integers(0, len(TOKENS) - 1))
    end = draw(st.integers(start + 1, min(start + 3, len(TOKENS))))
    return Entity(start, end, type_, confidence)


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    found = sorted(draw(st.frozensets(entities(), max_size=5)))
    pairs = [(head, tail) for head in found for tail in found if head != tail]
    links = st.tuples(st.sampled_from(pairs), st.sampled_from(RELATION_TYPES), CONFIDENCES)
    drawn = draw(st.lists(links, max_size=5)) if pairs else []
    relations = {Relation(head, tail, type_, sure) for (head, tail), type_, sure in drawn}
    annotated = draw(st.frozensets(st.sampled_from(TASKS)))
    return Sentence.from_tokens(TOKENS, entities=found, relations=relations, annotated=annotated)


@st.composite
def compared(draw: st.DrawFn) -> tuple[Sentence, Sentence]:
    """Gold and predicted annotations that have something in common more often than by chance."""
    gold, other = draw(sentences()), draw(sentences())
    kept = {entity for entity in gold.sorted_entities if draw(st.booleans())}
    links = {r for r in gold.sorted_relations if {r.head, r.tail} <= kept and draw(st.booleans())}
    return gold, replace(other, entities=kept | other.entities, relations=links | other.relations)


corpora = st.lists(compared(), max_size=3)
symmetric_types = st.frozensets(st.sampled_from(RELATION_TYPES))
