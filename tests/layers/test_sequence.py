"""Layers run with other weights than their own."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.networks import layer_factory

from dovetail.layers.sequence import run_with


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
def test_a_layer_run_with_other_weights_is_a_layer_that_has_them(cell: str) -> None:
    layer = layer_factory(cell)(5)
    tokens = torch.randn(2, 4, 5)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    name = "up.weight" if cell == "transformer" else "backwards.weight_hh_l0"
    other = (0.5 * layer.get_parameter(name)).detach().requires_grad_()
    changed = copy.deepcopy(layer)
    changed.get_parameter(name).data.copy_(other)

    found, expected = run_with(layer, {name: other}, tokens, mask), changed(tokens, mask)
    assert torch.equal(found, expected)
    found[mask].square().sum().backward()
    expected[mask].square().sum().backward()
    torch.testing.assert_close(other.grad, changed.get_parameter(name).grad)
    for own, parameter in layer.named_parameters():
        if own == name:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, changed.get_parameter(own).grad)
