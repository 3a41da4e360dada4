"""The shares that several corpora have of an epoch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.training.mixing import shares

SIZES = st.lists(st.integers(1, 5000), min_size=1, max_size=6)


@given(SIZES)
def test_by_size_every_sentence_is_read_once(sizes: list[int]) -> None:
    assert shares(sizes) == sizes


@given(SIZES, st.floats(1, 100))
def test_an_epoch_stays_as_long_and_shares_become_more_equal(
    sizes: list[int], temperature: float
) -> None:
    drawn = shares(sizes, temperature=temperature)
    assert abs(sum(drawn) - sum(sizes)) <= len(sizes)
    assert all(number >= 1 for number in drawn)
    by_size = sorted(zip(sizes, drawn, strict=True))
    assert [number for _, number in by_size] == sorted(drawn)
    assert max(drawn) <= max(sizes) + 1


def test_weights_and_numbers_that_are_settled() -> None:
    assert shares([900, 100], temperature=1000) == pytest.approx([500, 500], abs=2)
    assert shares([100, 100], weights=[3, 1]) == [150, 50]
    assert shares([100, 100, 100], fixed=[0, 10, 0]) == [100, 10, 100]
