"""Parts of a corpus: shares of its sentences that hold one another or have none in common."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import SENTENCES

from dovetail.text.document import Sentence
from dovetail.text.wording import CorpusPart, wording, wordings

SHARES = st.floats(0, 1).map(lambda share: round(share, 3))
BORDERS = st.lists(SHARES.filter(lambda share: 0 < share < 1), max_size=5, unique=True).map(
    lambda inner: [0.0, *sorted(inner), 1.0]
)
CORPORA = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "D", "."]), min_size=1, max_size=3), max_size=40
).map(lambda rows: tuple(Sentence.from_tokens(row, id=str(n)) for n, row in enumerate(rows)))
"""Sentences of few words, so that many of them count as the same."""


def parts(sentences: Sequence[Sentence], borders: list[float], seed: int) -> list[list[Sentence]]:
    return [[*CorpusPart(start, end).of(sentences, seed=seed)] for start, end in pairwise(borders)]


@given(CORPORA, BORDERS, st.integers(0, 99))
def test_parts_that_meet_are_a_partition(
    sentences: tuple[Sentence, ...], borders: list[float], seed: int
) -> None:
    found = parts(sentences, borders, seed)
    together = sorted((own for part in found for own in part), key=lambda own: int(own.id))
    assert together == [*sentences]


@given(CORPORA, BORDERS, st.integers(0, 99))
def test_parts_that_do_not_overlap_have_no_wording_in_common(
    sentences: tuple[Sentence, ...], borders: list[float], seed: int
) -> None:
    found = [wordings(part) for part in parts(sentences, borders, seed)]
    assert sum(map(len, found)) == len(wordings(sentences))


@given(CORPORA, st.lists(SHARES.filter(bool), min_size=2, max_size=5), st.integers(0, 99))
def test_parts_from_the_start_hold_one_another(
    sentences: tuple[Sentence, ...], ends: list[float], seed: int
) -> None:
    found = [{*CorpusPart(0, end).indices(sentences, seed=seed)} for end in sorted(ends)]
    assert all(small <= large for small, large in pairwise(found))


@given(st.integers(1, 300), SHARES.filter(bool), st.integers(0, 99))
def test_part_of_sentences_that_differ_has_exactly_its_share(
    number: int, end: float, seed: int
) -> None:
    sentences = [Sentence.from_tokens([f"word{index}"]) for index in range(number)]
    assert len(CorpusPart(0, end).of(sentences, seed=seed)) == round(end * number)


@given(CORPORA, SHARES.filter(bool), st.randoms())
def test_part_does_not_depend_on_the_order_of_the_sentences(
    sentences: tuple[Sentence, ...], end: float, shuffler: random.Random
) -> None:
    mixed = [*sentences]
    shuffler.shuffle(mixed)
    part = CorpusPart(0, end)
    assert wordings(part.of(mixed)) == wordings(part.of(sentences))


def test_part_keeps_the_order_of_the_corpus_and_another_seed_draws_another() -> None:
    half = CorpusPart(0, 0.5).of(SENTENCES)
    places = [SENTENCES.index(own) for own in half]
    assert places == sorted(places)
    assert CorpusPart(0, 0.5).of(SENTENCES, seed=1) != half


def test_whole_part_is_the_corpus() -> None:
    assert CorpusPart(0, 1).of(SENTENCES) == SENTENCES
    assert len({wording(own) for own in SENTENCES}) == len(SENTENCES)


@pytest.mark.parametrize("text", ["", "0.5", "1:0", "0.5:0.5", "-1:1", "0:2", "a:b", "0:nan", "0:"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"two shares between 0 and 1 such as 0:0\.5"):
        CorpusPart.parse(text)
