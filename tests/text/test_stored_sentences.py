"""Sentences in a file are those that were written, and a sequence like any other."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpora.test_round_trips import sentences
from tests.corpus import SENTENCES

from dovetail.text.document import Entity, Relation, Sentence, Unaligned
from dovetail.text.stored_sentences import (
    StoredSentences,
    TokensOf,
    held_as,
    joined_sentences,
    lengths_of,
)

LEFT_ARM = Entity.of_pieces([(0, 1), (3, 4)], "Part", 0.25)
BOTH = Entity(2, 4, "Part")
UNUSUAL = Sentence(
    ("left", "and", "right", "arm\ud800"),
    ((0, 4), (5, 8), (9, 14), (15, 19)),
    frozenset({LEFT_ARM, BOTH}),
    frozenset({Relation(BOTH, LEFT_ARM, "of", 1 / 3)}),
    frozenset({"entity"}),
    "ünusual\n",
    frozenset(
        {
            Unaligned("relation", "of", ((0, 3), (5, 9)), ("A", "B"), "why", (((0, 3), (4, 5)),)),
            Unaligned("entity", "A", ((0, 3),), ("A",)),
        }
    ),
)


def everything(sentence: Sentence) -> tuple[object, ...]:
    """What equality leaves out too."""
    return (
        sentence,
        sentence.id,
        [astuple(own) for own in sentence.sorted_entities],
        [astuple(own) for own in sentence.sorted_relations],
        [astuple(own) for own in sorted(sentence.unaligned)],
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # on a busy machine
@given(st.lists(sentences(), max_size=4))
def test_what_is_written_is_read(written: list[Sentence]) -> None:
    stored = StoredSentences(iter([*written, UNUSUAL]))
    assert [*map(everything, stored)] == [*map(everything, [*written, UNUSUAL])]


def test_it_is_a_sequence_as_a_tuple_is() -> None:
    stored = StoredSentences(SENTENCES)
    assert len(stored) == len(SENTENCES)
    for place in (0, 3, -1, -len(SENTENCES)):
        assert stored[place] == SENTENCES[place]
    for part in (slice(2, 5), slice(None, None, -3), slice(50, 10)):
        assert stored[part] == SENTENCES[part]
    with pytest.raises(IndexError):
        stored[len(SENTENCES)]
    assert SENTENCES[4] in stored
    assert [*lengths_of(stored)] == lengths_of(SENTENCES)
    assert [*TokensOf(stored)] == [sentence.tokens for sentence in SENTENCES]


def test_no_sentences_are_stored_as_none() -> None:
    assert [*StoredSentences([])] == []


@given(st.lists(st.integers(0, 4), max_size=4))
def test_parts_are_joined_in_order(sizes: list[int]) -> None:
    parts = [SENTENCES[:size] for size in sizes]
    whole = tuple(sentence for part in parts for sentence in part)
    assert joined_sentences(parts) == whole
    joined = joined_sentences([StoredSentences([]), *map(StoredSentences, parts)])
    assert (*joined,) == whole
    assert [joined[place] for place in range(-len(whole), len(whole))] == [*whole, *whole]
    assert [*lengths_of(joined)] == lengths_of(whole)


def test_one_part_is_the_whole() -> None:
    stored = StoredSentences(SENTENCES)
    assert joined_sentences([stored]) is stored


def test_what_is_made_of_stored_sentences_is_stored() -> None:
    assert isinstance(held_as(StoredSentences(SENTENCES), SENTENCES[:2]), StoredSentences)
    assert held_as(SENTENCES, iter(SENTENCES[:2])) == SENTENCES[:2]
