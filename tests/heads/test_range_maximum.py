from __future__ import annotations

import torch

from dovetail.heads.range_maximum import range_maximum


def maxima(tokens: torch.Tensor, ranges: torch.Tensor) -> torch.Tensor:
    """The maxima of the same number of ranges for each sentence."""
    rows = torch.arange(len(tokens)).repeat_interleave(ranges.shape[1])
    return range_maximum(tokens, ranges.flatten(0, 1), rows).view(*ranges.shape[:2], -1)


def every_range(tokens: int) -> torch.Tensor:
    pairs = [[start, end] for start in range(tokens) for end in range(start, tokens + 1)]
    return torch.tensor([[*pairs, [tokens, tokens]]])


def test_every_range_of_a_sentence_has_its_largest_values() -> None:
    tokens = torch.randn(2, 11, 3, generator=torch.Generator().manual_seed(0))
    ranges = every_range(11).expand(2, -1, -1)
    found = maxima(tokens, ranges)
    for row in range(2):
        for (start, end), vector in zip(ranges[row].tolist(), found[row], strict=True):
            part = tokens[row, start:end]
            assert torch.equal(vector, part.amax(0) if end > start else torch.zeros(3))


def test_tokens_outside_of_the_ranges_change_nothing() -> None:
    tokens = torch.randn(1, 9, 2)
    other = tokens.clone()
    other[:, 6:] = 1e6
    ranges = torch.tensor([[[0, 6], [2, 3], [1, 6]]])
    assert torch.equal(maxima(tokens, ranges), maxima(other, ranges))


def test_the_gradient_goes_to_the_largest_value_alone() -> None:
    tokens = torch.tensor([[[1.0], [5.0], [3.0], [7.0]]], requires_grad=True)
    maxima(tokens, torch.tensor([[[0, 3], [2, 4], [1, 1]]])).sum().backward()
    assert tokens.grad is not None
    assert tokens.grad.flatten().tolist() == [0.0, 1.0, 0.0, 1.0]
