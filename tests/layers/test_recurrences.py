"""The recurrences for processors against torch's own of each sentence alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dovetail.layers.gru import bidirectional_gru
from dovetail.layers.rnn import bidirectional_rnn

INPUT_DIM, HIDDEN_DIM = 5, 3
LENGTHS = [6, 1, 4, 0]

Cells = tuple[nn.GRU, nn.GRU] | tuple[nn.RNN, nn.RNN]


@pytest.fixture(params=[nn.GRU, nn.RNN])
def cells(request: pytest.FixtureRequest) -> Cells:
    torch.manual_seed(0)
    forwards, backwards = (request.param(INPUT_DIM, HIDDEN_DIM, batch_first=True) for _ in range(2))
    return forwards.double(), backwards.double()


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(len(LENGTHS), max(LENGTHS), INPUT_DIM, dtype=torch.float64)


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)


def ours(tokens: Tensor, mask: Tensor, forwards: nn.Module, backwards: nn.Module) -> Tensor:
    if isinstance(forwards, nn.GRU) and isinstance(backwards, nn.GRU):
        return bidirectional_gru(tokens, mask, forwards, backwards)
    assert isinstance(forwards, nn.RNN)
    assert isinstance(backwards, nn.RNN)
    return bidirectional_rnn(tokens, mask, forwards, backwards)


def torchs_states(sentence: Tensor, forwards: nn.Module, backwards: nn.Module) -> Tensor:
    """What torch makes of one sentence (tokens, input_dim), without any padding."""
    ahead, _ = forwards(sentence)
    behind, _ = backwards(sentence.flip(0))
    return torch.cat([ahead, behind.flip(0)], dim=1)


def test_states_and_gradients_equal_torchs_of_each_sentence_alone(
    cells: Cells, tokens: Tensor, mask: Tensor
) -> None:
    inputs = [tokens.requires_grad_(), *cells[0].parameters(), *cells[1].parameters()]
    states = ours(tokens, mask, *cells)[mask]
    rows = zip(tokens, LENGTHS, strict=True)
    expected = torch.cat([torchs_states(row[:length], *cells) for row, length in rows if length])
    torch.testing.assert_close(states, expected)
    upstream = torch.randn_like(states)
    torch.testing.assert_close(
        torch.autograd.grad(states, inputs, upstream),
        torch.autograd.grad(expected, inputs, upstream),
    )


def test_gradients_are_those_of_finite_differences(
    cells: Cells, tokens: Tensor, mask: Tensor
) -> None:
    def states(tokens: Tensor, *weights: Tensor) -> Tensor:
        # The weights are the cells' own, which gradcheck moves in place.
        return ours(tokens, mask, *cells)[mask]

    weights = [parameter for cell in cells for parameter in cell.parameters()]
    assert torch.autograd.gradcheck(states, (tokens.requires_grad_(), *weights))


def test_padding_gets_no_gradient_and_gives_none(
    cells: Cells, tokens: Tensor, mask: Tensor
) -> None:
    def gradients(padding: float) -> list[Tensor]:
        filled = torch.where(mask.unsqueeze(2), tokens, padding).requires_grad_()
        inputs = [filled, *cells[0].parameters(), *cells[1].parameters()]
        states = ours(filled, mask, *cells)
        return list(torch.autograd.grad(states[mask].square().sum(), inputs))

    of_tokens, *of_weights = gradients(0.0)
    assert not of_tokens[~mask].any()
    torch.testing.assert_close(of_weights, gradients(1e3)[1:])


@pytest.mark.parametrize("large", [60.0, -60.0])
def test_recurrent_weights_of_any_size_leave_padding_out(
    cells: Cells, tokens: Tensor, mask: Tensor, large: float
) -> None:
    for cell in cells:
        nn.init.constant_(cell.weight_hh_l0, large)
        nn.init.constant_(cell.bias_hh_l0, large)
    states = ours(tokens, mask, *cells)
    torch.testing.assert_close(states[2, :4], torchs_states(tokens[2, :4], *cells))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_states_of_every_precision_are_near_the_exact_ones(
    cells: Cells, tokens: Tensor, mask: Tensor, dtype: torch.dtype
) -> None:
    exact = ours(tokens, mask, *cells)[mask]
    cells[0].to(dtype), cells[1].to(dtype)
    states = ours(tokens.to(dtype), mask, *cells)[mask]
    assert states.dtype == dtype
    epsilon = torch.finfo(dtype).eps
    torch.testing.assert_close(states.double(), exact, atol=8 * epsilon, rtol=8 * epsilon)


def test_autocast_computes_in_its_precision_and_gives_gradients_in_the_weights_own(
    cells: Cells, tokens: Tensor, mask: Tensor
) -> None:
    for cell in cells:
        cell.float()
    weights = [parameter for cell in cells for parameter in cell.parameters()]
    exact = ours(tokens.float(), mask, *cells)
    with torch.autocast("cpu", torch.bfloat16):
        states = ours(tokens.float(), mask, *cells)
    assert states.dtype == torch.bfloat16
    upstream = mask.unsqueeze(2).expand_as(exact)
    expected = torch.autograd.grad(exact, weights, upstream.float())
    for gradient, near in zip(
        torch.autograd.grad(states, weights, upstream.to(states)), expected, strict=True
    ):
        assert gradient.dtype == torch.float32
        assert (gradient - near).norm() <= 0.03 * near.norm()


def test_a_second_derivative_is_refused(cells: Cells, tokens: Tensor, mask: Tensor) -> None:
    tokens.requires_grad_()
    loss = ours(tokens, mask, *cells).square().sum()
    (gradient,) = torch.autograd.grad(loss, tokens, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        gradient.sum().backward()


def test_frozen_cells_pass_the_gradient_to_what_they_read(
    cells: Cells, tokens: Tensor, mask: Tensor
) -> None:
    tokens.requires_grad_()
    (trained,) = torch.autograd.grad(ours(tokens, mask, *cells)[mask].sum(), tokens)
    for cell in cells:
        cell.requires_grad_(requires_grad=False)
    (frozen,) = torch.autograd.grad(ours(tokens, mask, *cells)[mask].sum(), tokens)
    assert torch.equal(trained, frozen)
    assert not frozen[~mask].any()
