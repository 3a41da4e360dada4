from __future__ import annotations

import pytest
import torch
from torch import nn

from dovetail.tensors.allocation import AllocationLimit, TooLargeError


def test_network_within_the_limit_is_built_as_without_one() -> None:
    def build() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(5, 6), nn.GRU(6, 7, bidirectional=True), nn.Embedding(3, 4))

    with AllocationLimit(max_bytes=10_000, max_tensors=100):
        limited = build().state_dict()
    free = build().state_dict()
    assert all(torch.equal(limited[name], free[name]) for name in free)


@pytest.mark.parametrize("shape", [(10**6, 10**6), (10**15, 10**15)], ids=str)
def test_tensor_beyond_the_limit_is_refused_before_it_is_made(shape: tuple[int, int]) -> None:
    with AllocationLimit(max_bytes=10_000, max_tensors=100):
        for make in (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn):
            with pytest.raises(TooLargeError, match="a tensor"):
                make(*shape)
        with pytest.raises(TooLargeError):
            nn.Linear(*shape)
        with pytest.raises(TooLargeError):
            torch.zeros(1).new_zeros(shape)


def small_tensors(count: int, *, numbers: int) -> list[torch.Tensor]:
    return [torch.zeros(numbers) for _ in range(count)]


def test_many_small_tensors_are_refused() -> None:
    with AllocationLimit(max_bytes=10_000, max_tensors=100):
        small_tensors(100, numbers=1)
        with pytest.raises(TooLargeError, match="more than 100 tensors"):
            small_tensors(1, numbers=1)


def test_bytes_add_up() -> None:
    with AllocationLimit(max_bytes=1_000, max_tensors=100):
        small_tensors(25, numbers=10)
        with pytest.raises(TooLargeError, match="a tensor of 10 numbers, and with it 1,040 bytes"):
            small_tensors(1, numbers=10)


def test_tensors_without_numbers_count_by_their_number_alone() -> None:
    with AllocationLimit(max_bytes=10, max_tensors=3):
        for _ in range(3):
            torch.empty(10**9, device="meta")
        with pytest.raises(TooLargeError):
            torch.empty(1, device="meta")


def test_limit_within_another_one_stands_in_its_place() -> None:
    with AllocationLimit(max_bytes=100, max_tensors=2):
        with AllocationLimit(max_bytes=10_000, max_tensors=50):
            small_tensors(50, numbers=10)
            with pytest.raises(TooLargeError):
                small_tensors(1, numbers=10)
        small_tensors(2, numbers=1)
        with pytest.raises(TooLargeError):
            small_tensors(1, numbers=1)
    small_tensors(100, numbers=10)
