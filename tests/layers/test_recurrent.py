from __future__ import annotations

import pytest
import torch

from dovetail.layers.recurrent import CELLS, BidirectionalLayer, reversal


def test_reversal_turns_each_sentence_and_leaves_padding() -> None:
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    assert reversal(mask).tolist() == [[2, 1, 0, 3], [0, 1, 2, 3]]


@pytest.mark.parametrize("cell", list(CELLS))
def test_layer_equals_torchs_own_bidirectional_layer_on_one_sentence(cell: str) -> None:
    layer = BidirectionalLayer(cell, input_dim=3, hidden_dim=4)
    reference = CELLS[cell](3, 4, batch_first=True, bidirectional=True)
    state = dict(layer.forwards.state_dict())
    state |= {f"{name}_reverse": t for name, t in layer.backwards.state_dict().items()}
    reference.load_state_dict(state)
    tokens = torch.randn(1, 6, 3)
    expected, _ = reference(tokens)
    torch.testing.assert_close(layer(tokens, torch.ones(1, 6, dtype=torch.bool)), expected)


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("training", [True, False])
def test_a_sentence_alone_equals_the_same_in_a_batch(cell: str, training: bool) -> None:
    layer = BidirectionalLayer(cell, input_dim=3, hidden_dim=4, normalise=True).train(training)
    tokens = torch.randn(2, 7, 3)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    batch = layer(tokens, mask)
    alone = layer(tokens[1:, :4], mask[1:, :4])
    torch.testing.assert_close(batch[1, :4], alone[0])


@pytest.mark.parametrize("cell", list(CELLS))
def test_padding_never_leaks(cell: str) -> None:
    layer = BidirectionalLayer(cell, input_dim=3, hidden_dim=4)
    tokens = torch.randn(2, 5, 3)
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    other = tokens.clone()
    other[1, 2:] = 1e3
    assert torch.equal(layer(tokens, mask)[mask], layer(other, mask)[mask])


def test_every_parameter_gets_a_gradient() -> None:
    layer = BidirectionalLayer("gru", input_dim=3, hidden_dim=4, dropout=0.1, normalise=True)
    layer(torch.randn(2, 5, 3), torch.ones(2, 5, dtype=torch.bool)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters())


def test_unknown_cell_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="gru, lstm"):
        BidirectionalLayer("elman", input_dim=1, hidden_dim=1)
