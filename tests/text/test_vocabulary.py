from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.text.vocabulary import UNKNOWN_INDEX, Vocabulary

distinct_symbols = st.lists(st.text(), unique=True)


@given(distinct_symbols)
def test_index_and_symbol_are_inverse(symbols: list[str]) -> None:
    vocabulary = Vocabulary(symbols)
    assert [vocabulary.symbol(vocabulary.index(symbol)) for symbol in symbols] == symbols
    assert len(vocabulary) == len(symbols) + 1


@given(distinct_symbols, st.text())
def test_only_known_symbols_have_an_index_of_their_own(symbols: list[str], other: str) -> None:
    vocabulary = Vocabulary(symbols)
    assert (vocabulary.index(other) != UNKNOWN_INDEX) == (other in symbols) == (other in vocabulary)
    assert vocabulary.indices([*symbols, other]) == [*map(vocabulary.index, [*symbols, other])]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True))
def test_json_round_trip(symbols: list[str]) -> None:
    vocabulary = Vocabulary(symbols)
    again = Vocabulary(json.loads(json.dumps(vocabulary.to_list())))
    assert again == vocabulary
    assert hash(again) == hash(vocabulary)


@given(st.lists(st.sampled_from("abcde")), st.integers(1, 3))
def test_order_of_occurrences_does_not_matter(occurrences: list[str], minimum_count: int) -> None:
    vocabulary = Vocabulary.from_occurrences(occurrences, minimum_count=minimum_count)
    assert vocabulary == Vocabulary.from_occurrences(
        reversed(occurrences), minimum_count=minimum_count
    )
    expected = {symbol for symbol in occurrences if occurrences.count(symbol) >= minimum_count}
    assert set(vocabulary.symbols) == expected


def test_first_known_candidate_is_taken() -> None:
    vocabulary = Vocabulary(["us", "US"])
    assert vocabulary.index_of_first_known(["US", "us"]) == vocabulary.index("US")
    assert vocabulary.index_of_first_known(["Us", "us"]) == vocabulary.index("us")
    assert vocabulary.index_of_first_known(["UN", "un"]) == UNKNOWN_INDEX


def test_repeated_symbol_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'the'"):
        Vocabulary(["the", "of", "the"])


def test_index_outside_is_refused() -> None:
    vocabulary = Vocabulary(["a"])
    assert vocabulary.symbol(UNKNOWN_INDEX) is None
    for index in (-1, 2):
        with pytest.raises(IndexError, match="vocabulary of 2"):
            vocabulary.symbol(index)
