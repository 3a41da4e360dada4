"""The plain recurrence for processors against torch's own, and its gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dovetail.layers.rnn import bidirectional_rnn

INPUT_DIM, HIDDEN_DIM = 5, 3
LENGTHS = [6, 1, 4, 0]


@pytest.fixture
def cells() -> tuple[nn.RNN, nn.RNN]:
    torch.manual_seed(0)
    forwards, backwards = (nn.RNN(INPUT_DIM, HIDDEN_DIM, batch_first=True) for _ in range(2))
    return forwards.double(), backwards.double()


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(len(LENGTHS), max(LENGTHS), INPUT_DIM, dtype=torch.float64)


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)


def test_states_and_gradients_equal_torchs_of_each_sentence_alone(
    cells: tuple[nn.RNN, nn.RNN], tokens: Tensor, mask: Tensor
) -> None:
    inputs = [tokens.requires_grad_(), *cells[0].parameters(), *cells[1].parameters()]
    states = bidirectional_rnn(tokens, mask, *cells)[mask]
    expected = []
    for row, length in zip(tokens, LENGTHS, strict=True):
        if length:
            ahead, _ = cells[0](row[:length])
            behind, _ = cells[1](row[:length].flip(0))
            expected.append(torch.cat([ahead, behind.flip(0)], dim=1))
    torch.testing.assert_close(states, torch.cat(expected))
    upstream = torch.randn_like(states)
    torch.testing.assert_close(
        torch.autograd.grad(states, inputs, upstream),
        torch.autograd.grad(torch.cat(expected), inputs, upstream),
    )


def test_frozen_cells_pass_the_gradient_to_what_they_read(
    cells: tuple[nn.RNN, nn.RNN], tokens: Tensor, mask: Tensor
) -> None:
    tokens.requires_grad_()
    (trained,) = torch.autograd.grad(bidirectional_rnn(tokens, mask, *cells)[mask].sum(), tokens)
    for cell in cells:
        cell.requires_grad_(requires_grad=False)
    (frozen,) = torch.autograd.grad(bidirectional_rnn(tokens, mask, *cells)[mask].sum(), tokens)
    assert torch.equal(trained, frozen)
    assert not frozen[~mask].any()
