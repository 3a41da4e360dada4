"""The maximum of token vectors over many ranges of a sentence at once."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def range_maximum(
    tokens: Float[Tensor, "batch tokens dim"],
    ranges: Int[Tensor, "ranges 2"],
    rows: Int[Tensor, " ranges"],
) -> Float[Tensor, "ranges dim"]:
    """The largest value of each dimension within half-open ranges; zeros for an empty range.

    `rows` names the sentence of each range.

    A sparse table (Bender & Farach-Colton 2000): level k holds the maxima over 2^k tokens from each
    token on, and a range is covered by two overlapping entries of one level.  So the work is
    tokens · log(longest) + ranges, not ranges · longest.
    """
    _, num_tokens, dim = tokens.shape
    lengths = ranges[:, 1] - ranges[:, 0]
    longest = max(1, int(lengths.max())) if lengths.numel() else 1
    levels = [tokens]
    while 2 ** len(levels) <= longest:
        half = 2 ** (len(levels) - 1)
        # Entries that would reach over the end are never read.
        ahead = torch.cat([levels[-1][:, half:], levels[-1][:, :half]], dim=1)
        levels.append(torch.maximum(levels[-1], ahead))
    table = torch.stack(levels, dim=1).reshape(-1, dim)  # row (b * levels + k) * tokens + t
    level = torch.log2(lengths.clamp(min=1).float()).long()
    first = (rows * len(levels) + level) * num_tokens
    starts = ranges[:, 0].clamp(max=num_tokens - 1)
    ends = (ranges[:, 1] - 2**level).clamp(min=0)
    covers = (table.index_select(0, first + place) for place in (starts, ends))
    return torch.maximum(*covers) * (lengths > 0).unsqueeze(1)
