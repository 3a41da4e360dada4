from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from dovetail.encoders.encoder import padded_indices

ROWS = st.lists(st.lists(st.integers(0, 2**40), max_size=6), max_size=6)


@given(ROWS, st.integers(-1, 7))
def test_rows_are_filled_up_at_the_end(rows: list[list[int]], padding: int) -> None:
    found = padded_indices(rows, padding=padding)
    longest = max(map(len, rows), default=0)
    assert found.shape == (len(rows), longest)
    assert found.dtype == torch.long
    assert found.tolist() == [[*row, *[padding] * (longest - len(row))] for row in rows]
