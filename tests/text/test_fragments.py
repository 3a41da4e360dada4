"""Discontinuous entities as fragments and links, and back."""

from __future__ import annotations

from itertools import chain, combinations
from time import perf_counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.tensors.features import Targets
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Entity, Relation, Sentence
from dovetail.text.fragments import MOST_JOINED, Fragments
from dovetail.text.schema import Schema

LENGTH = 7
TYPES = ("Part", "Pain")
TOKENS = tuple("abcdefg")
SCHEMA = Schema(TYPES, ("in", "with"), discontinuous=frozenset(TYPES))


@st.composite
def entities(draw: st.DrawFn) -> Entity:
    tokens = draw(st.sets(st.integers(0, LENGTH - 1), min_size=1, max_size=4))
    return Entity.of_pieces([(t, t + 1) for t in tokens], draw(st.sampled_from(TYPES)))


@st.composite
def sentences(draw: st.DrawFn) -> Sentence:
    found = draw(st.lists(entities(), max_size=6, unique=True))
    pairs = [(one, other) for one in found for other in found if one != other]
    links = draw(st.lists(st.sampled_from(pairs), max_size=4)) if pairs else []
    types = draw(st.lists(st.sampled_from(SCHEMA.relation_types), min_size=len(links), max_size=9))
    relations = [Relation(*pair, type_) for pair, type_ in zip(links, types, strict=False)]
    return Sentence.from_tokens(TOKENS, entities=found, relations=relations)


def all_of(known: object) -> list[Entity]:
    """A head that can express everything."""
    return sorted(known)  # type: ignore[call-overload,no-any-return]


def fragments_of(found: object) -> list[tuple[tuple[int, int], str]]:
    return [(piece, entity.type) for entity in found for piece in entity.pieces]  # type: ignore[attr-defined]


def has_own_fragment(entity: Entity, others: frozenset[Entity]) -> bool:
    shared = fragments_of(other for other in others - {entity} if other.fragments)
    return not entity.fragments or any(own not in shared for own in fragments_of([entity]))


@settings(max_examples=500, deadline=None)
@given(sentences())
def test_what_is_expressible_comes_back_exactly(sentence: Sentence) -> None:
    code = Fragments(SCHEMA)
    apart = code.apart(sentence)
    assert not any(entity.fragments for entity in apart.entities)
    kept = frozenset(code.expressible_by(all_of)(sentence.entities))
    assert {entity for entity in sentence.entities if not entity.fragments} <= kept
    joined = code.joined(apart)
    assert joined.entities == kept
    assert joined.relations == {
        link
        for link in sentence.relations
        if {link.head, link.tail} <= kept
        and all(has_own_fragment(argument, kept) for argument in (link.head, link.tail))
    }


@settings(max_examples=300, deadline=None)
@given(sentences())
def test_entities_that_share_nothing_are_all_expressible(sentence: Sentence) -> None:
    pieces = [piece for piece, _ in fragments_of(sentence.entities)]
    kept = Fragments(SCHEMA).expressible_by(all_of)(sentence.entities)
    if len({*pieces}) == len(pieces):
        assert kept == sentence.sorted_entities


def groups(number: int) -> list[frozenset[int]]:
    """All sets of two or more of so many fragments."""
    return [
        frozenset(chosen)
        for size in range(2, number + 1)
        for chosen in combinations(range(number), size)
    ]


def test_every_two_entities_of_four_fragments_but_one_within_the_other_are_expressible() -> None:
    code = Fragments(SCHEMA)
    for one, other in combinations(groups(4), 2):
        both = [Entity.of_pieces([(2 * p, 2 * p + 1) for p in g], "Part") for g in (one, other)]
        kept = code.expressible_by(all_of)(both)
        assert (len(kept) == 2) == (not one <= other and not other <= one)


@given(st.sets(st.sampled_from([*combinations(range(6), 2)])))
def test_entities_are_the_greatest_sets_of_fragments_that_are_all_linked(
    pairs: set[tuple[int, int]],
) -> None:
    fragment = [Entity(2 * place, 2 * place + 1, "Part (fragment)", 0.9) for place in range(6)]
    sentence = Sentence.from_tokens(
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"],
        entities=fragment,
        relations=[Relation(fragment[a], fragment[b], "Part (same entity)", 0.8) for a, b in pairs],
    )
    linked = [
        group for group in groups(6) if all(p in pairs for p in combinations(sorted(group), 2))
    ]
    greatest = [group for group in linked if not any(group < other for other in linked)]
    found = Fragments(SCHEMA).joined(sentence)
    assert found.entities == {
        Entity.of_pieces([fragment[place].span for place in group], "Part") for group in greatest
    }
    assert not found.relations


def linked(*pairs: tuple[Entity, Entity, float]) -> list[Relation]:
    return [Relation(a, b, "Part (same entity)", confidence) for a, b, confidence in pairs]


def test_an_entity_is_as_certain_as_its_least_certain_part() -> None:
    a, b, c = (Entity(n, n + 1, "Part (fragment)", p) for n, p in ((0, 0.9), (2, 0.8), (4, 0.7)))
    sentence = Sentence.from_tokens(
        TOKENS, entities=[a, b, c], relations=linked((a, b, 0.6), (b, c, 0.95), (a, c, 0.99))
    )
    (entity,) = Fragments(SCHEMA).joined(sentence).entities
    assert (entity.fragments, entity.confidence) == (((0, 1), (2, 3), (4, 5)), 0.6)


def test_fragments_without_a_link_are_left_out_and_their_relations_with_them() -> None:
    alone, whole = Entity(0, 1, "Part (fragment)", 0.9), Entity(3, 4, "Pain", 0.9)
    sentence = Sentence.from_tokens(
        TOKENS, entities=[alone, whole], relations=[Relation(whole, alone, "in", 0.9)]
    )
    found = Fragments(SCHEMA).joined(sentence)
    assert (found.entities, found.relations) == ({whole}, frozenset())


def test_links_between_fragments_that_touch_join_nothing() -> None:
    a, b = Entity(0, 2, "Part (fragment)", 0.9), Entity(2, 3, "Part (fragment)", 0.9)
    sentence = Sentence.from_tokens(TOKENS, entities=[a, b], relations=linked((a, b, 0.9)))
    assert not Fragments(SCHEMA).joined(sentence).entities


def test_relation_of_a_shared_fragment_is_one_of_every_entity_that_has_it() -> None:
    a, b, shared = (Entity(n, n + 1, "Part (fragment)", 0.9) for n in (0, 2, 4))
    whole = Entity(6, 7, "Pain", 0.9)
    sentence = Sentence.from_tokens(
        TOKENS,
        entities=[a, b, shared, whole],
        relations=[*linked((a, shared, 0.9), (b, shared, 0.9)), Relation(whole, shared, "in", 0.7)],
    )
    found = Fragments(SCHEMA).joined(sentence)
    assert {link.tail.fragments for link in found.relations} == {
        ((0, 1), (4, 5)),
        ((2, 3), (4, 5)),
    }


def test_a_model_that_links_everything_is_answered_at_once() -> None:
    """Of fragments in threes, linked unless in the same three, every choice of one is a set."""
    number = 60
    fragment = [Entity(2 * n, 2 * n + 1, "Part (fragment)", 0.9) for n in range(number)]
    pairs = [(a, b) for a, b in combinations(range(number), 2) if a // 3 != b // 3]
    sentence = Sentence.from_tokens(
        ["x"] * 2 * number,
        entities=fragment,
        relations=linked(*((fragment[a], fragment[b], 0.9) for a, b in pairs)),
    )
    started = perf_counter()
    found = Fragments(SCHEMA).joined(sentence)
    assert 1 < len(found.entities) <= MOST_JOINED
    assert perf_counter() - started < 10


def test_types_of_fragments_and_links_are_never_types_of_the_corpus() -> None:
    types = ("P", "P (fragment)")
    links = ("P (same entity)",)
    coded = Schema(types, links, discontinuous=frozenset(types)).coded
    assert len({*coded.entity_types}) == 4
    assert len({*coded.relation_types}) == 3
    assert coded.entity_types[:2] == types
    assert coded.coded is coded


def test_fragments_may_be_in_the_relations_that_their_entities_may_be_in() -> None:
    schema = Schema(
        ("A", "B"), ("in",), {"in": frozenset({("A", "B")})}, discontinuous=frozenset("A")
    )
    coded = schema.coded
    assert coded.admits("in", "A (fragment)", "B")
    assert coded.admits("in", "A", "B")
    assert not coded.admits("in", "B", "A (fragment)")
    assert coded.admits("A (same entity)", "A (fragment)", "A (fragment)")
    assert not coded.admits("A (same entity)", "A", "A")


def test_schema_is_stored_and_read_and_says_nothing_of_fragments_where_there_are_none() -> None:
    assert Schema.from_dict(SCHEMA.to_dict()) == SCHEMA
    plain = Schema(TYPES, ("in",))
    assert [*plain.to_dict()] == ["entity_types", "relation_types", "signatures", "symmetric"]
    assert plain.coded is plain
    with pytest.raises(ValueError, match="discontinuous entities of X"):
        Schema(TYPES, (), discontinuous=frozenset({"X"}))


def test_without_relations_of_the_corpus_links_are_annotated_where_entities_are() -> None:
    schema = Schema(("Part",), (), discontinuous=frozenset({"Part"}))
    plain = Sentence.from_tokens(TOKENS, annotated=[ENTITY_TASK])
    nothing = Sentence.from_tokens(TOKENS, annotated=[])
    targets = Targets.from_sentences([plain, nothing], all_of, schema)
    assert targets.annotated[RELATION_TASK].tolist() == [True, False]
    targets = Targets.from_sentences([plain, nothing], all_of, SCHEMA)
    assert targets.annotated[RELATION_TASK].tolist() == [False, False]


@settings(max_examples=100, deadline=None)
@given(sentences())
def test_targets_are_those_of_fragments_and_links(sentence: Sentence) -> None:
    coded = SCHEMA.coded
    ours = Targets.from_sentences([sentence], all_of, SCHEMA)
    theirs = Targets.from_sentences([Fragments(SCHEMA).apart(sentence)], all_of, coded)
    assert ours.candidates.entities(coded.entity_types) == theirs.candidates.entities(
        coded.entity_types
    )
    assert torch.equal(ours.relations, theirs.relations)
    links = ours.relations[..., len(SCHEMA.relation_types) :]
    assert torch.equal(links, links.transpose(1, 2))


@pytest.mark.parametrize(
    "fragments",
    [((0, 2),), ((0, 1), (1, 5)), ((2, 5), (0, 1)), ((0, 1), (3, 4)), ((0, 1), (1, 1), (3, 5))],
)
def test_fragments_that_are_none_are_refused(fragments: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="expected two or more with tokens between them"):
        Entity(0, 5, "Part", None, fragments)


def test_entities_of_one_fragment_print_as_they_always_did() -> None:
    assert repr(Entity(0, 2, "A", 0.5)) == "Entity(start=0, end=2, type='A', confidence=0.5)"
    assert "fragments=((0, 1), (2, 3))" in repr(Entity.of_pieces([(0, 1), (2, 3)], "A"))


@given(entities(), entities())
def test_entities_overlap_if_they_share_a_token(one: Entity, other: Entity) -> None:
    assert one.overlaps(other) == bool({*one.tokens} & {*other.tokens})
    assert [*one.moved(3).tokens] == [token + 3 for token in one.tokens]
    assert sorted(chain.from_iterable(range(*piece) for piece in one.pieces)) == [*one.tokens]
