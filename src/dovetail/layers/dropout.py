"""Dropout that does not spend its time on random numbers."""

from __future__ import annotations

import sys

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """As `torch.nn.Dropout`, in a fifth of the time on processors.

    There torch draws a double for each value.  Here each value has 16 random bits of its own: the
    probability is rounded to a 65536th, and what is kept is scaled by the rounded one.
    """

    def forward(self, values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:  # noqa: UP037
        """The values, in training some of them zero and the others larger for it."""
        if not self.training or self.p == 0:
            return values
        if not values.is_cpu:
            return super().forward(values)
        dropped = round(self.p * 2**16)
        kept = _random_bits(values.numel()).view(values.shape) >= dropped - 2**15
        if dropped == 2**16:
            return values * 0.0
        return values * kept.to(values.dtype).mul_(2**16 / (2**16 - dropped))


def _random_bits(number: int) -> Tensor:
    """So many integers of 16 bits, each as probable as any other."""
    words = torch.empty(-(-number // 4), dtype=torch.int64)
    return words.random_(-sys.maxsize - 1, None).view(torch.int16)[:number]
