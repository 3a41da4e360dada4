from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dovetail.encoders.piece_windows import Window, windows_over
from dovetail.layers.piece_states import groups_of_similar_length

word_lengths = st.lists(st.integers(1, 9), max_size=60)


def starts_of(lengths: list[int]) -> list[int]:
    return list(itertools.accumulate(lengths, initial=0))[:-1]


@given(word_lengths, st.integers(1, 20))
def test_every_piece_is_read_once_from_a_window_that_holds_it(
    lengths: list[int], capacity: int
) -> None:
    windows = windows_over(sum(lengths), capacity=capacity, word_starts=starts_of(lengths))
    read = [piece for window in windows for piece in range(window.read_start, window.read_end)]
    assert read == list(range(sum(lengths)))
    for start, end, read_start, read_end in windows:
        assert end - start <= capacity
        assert start <= read_start <= read_end <= end


@given(word_lengths, st.integers(40, 60))
def test_words_shorter_than_half_the_overlap_are_not_split(
    lengths: list[int], capacity: int
) -> None:
    lengths = [min(length, capacity // 8) for length in lengths]
    starts = starts_of(lengths)
    for window in windows_over(sum(lengths), capacity=capacity, word_starts=starts):
        assert window.read_start in {*starts, sum(lengths)}


def test_neighbours_share_a_quarter_and_are_read_up_to_its_middle() -> None:
    windows = windows_over(14, capacity=8, word_starts=range(14))
    assert windows == [Window(0, 8, 0, 7), Window(6, 14, 7, 14)]


def test_what_fits_is_one_window() -> None:
    assert windows_over(8, capacity=8, word_starts=[0]) == [Window(0, 8, 0, 8)]
    assert windows_over(0, capacity=8, word_starts=[]) == [Window(0, 0, 0, 0)]


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(0, 60), st.integers(1, 200))
def test_groups_cover_all_rows_within_their_limits(
    lengths: list[int], max_padding: int, max_size: int
) -> None:
    lengths.sort()
    groups = groups_of_similar_length(lengths, max_padding=max_padding, max_size=max_size)
    assert [length for rows in groups for length in lengths[rows]] == lengths
    for rows in groups:
        group = lengths[rows]
        size = len(group) * group[-1]
        assert size - sum(group) <= max_padding
        assert size <= max_size or len(group) == 1
