"""Groups that are zero switch a unit off; without them a layer gives the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dovetail.layers.cutting import without_dead_groups
from dovetail.layers.groups import groups_of, layers_with_groups
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.residual import Residual
from dovetail.layers.transformer_layer import TransformerLayer

INPUT_DIM, HIDDEN_DIM = 7, 6
GATES = {"gru": 3, "lstm": 4}
DEAD = ([1, 4], [0, 3, 5])
"""Units of either direction, or heads and hidden units."""


def recurrent(cell: str, **settings: Any) -> BidirectionalLayer:
    return BidirectionalLayer(cell, input_dim=INPUT_DIM, hidden_dim=HIDDEN_DIM, **settings)


def transformer() -> TransformerLayer:
    layer = TransformerLayer(input_dim=INPUT_DIM, output_dim=12, num_heads=6)
    nn.init.normal_(layer.distance.weight)
    return layer


LAYERS = {
    "gru": lambda: recurrent("gru"),
    "lstm": lambda: recurrent("lstm"),
    "transformer": transformer,
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> nn.Module:
    """A layer in double precision with biases that are not zero."""
    torch.manual_seed(0)
    layer = LAYERS[request.param]().double().eval()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer


def inputs(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(2, 5, INPUT_DIM, generator=generator, dtype=dtype)
    return tokens, torch.tensor([[True] * 5, [True] * 3 + [False] * 2])


@torch.no_grad()
def kill(layer: nn.Module, dead: tuple[list[int], ...] = DEAD) -> None:
    for groups, places in zip(groups_of(layer), dead, strict=True):
        values = groups.gather(groups.parameters)
        values[places] = 0
        groups.scatter(groups.parameters, values)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_groups_of_a_sort_do_not_overlap_and_hold_all_that_makes_a_unit(layer: nn.Module) -> None:
    for groups in groups_of(layer):
        positions = [torch.arange(1.0 * p.numel()).view_as(p) for p in groups.parameters]
        gathered = groups.gather(positions)
        assert gathered.shape[0] == groups.number
        assert gathered.numel() == sum(p.numel() for p in groups.parameters)
    assert len(layers_with_groups(nn.Sequential(layer, nn.Linear(2, 2)))) == 1


def test_what_is_scattered_is_what_was_gathered(layer: nn.Module) -> None:
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with torch.no_grad():
        for groups in groups_of(layer):
            groups.scatter(groups.parameters, groups.gather(groups.parameters))
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def test_only_groups_with_a_number_other_than_zero_are_alive(layer: nn.Module) -> None:
    assert all(bool(groups.alive().all()) for groups in groups_of(layer))
    kill(layer)
    for groups, dead in zip(groups_of(layer), DEAD, strict=True):
        assert groups.alive().logical_not().nonzero().flatten().tolist() == dead


@pytest.mark.parametrize("cell", GATES)
def test_a_zero_group_makes_its_unit_exactly_zero_and_no_other(cell: str) -> None:
    torch.manual_seed(0)
    layer = recurrent(cell)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    kill(layer)
    tokens, mask = inputs(torch.float32)
    dead = [*DEAD[0], *(HIDDEN_DIM + place for place in DEAD[1])]
    states = layer(tokens, mask)[mask]
    assert states.any(0).logical_not().nonzero().flatten().tolist() == dead


@pytest.mark.parametrize("dead", [DEAD, ([], [2]), ([*range(6)], [*range(6)])])
def test_a_layer_without_its_dead_groups_gives_the_same(
    layer: nn.Module, dead: tuple[list[int], list[int]]
) -> None:
    kill(layer, dead)
    tokens, mask = inputs()
    smaller = without_dead_groups(layer)
    assert count(smaller) < count(layer)
    difference = (smaller(tokens, mask) - layer(tokens, mask))[mask]
    assert difference.abs().max() < 1e-14


@pytest.mark.parametrize("cell", GATES)
def test_a_direction_keeps_as_many_numbers_as_the_formula_says(cell: str) -> None:
    layer = recurrent(cell)
    kill(layer)
    kept = [HIDDEN_DIM - len(places) for places in DEAD]
    expected = sum(GATES[cell] * units * (INPUT_DIM + units + 2) for units in kept)
    assert count(without_dead_groups(layer)) == expected
    whole = GATES[cell] * HIDDEN_DIM * (INPUT_DIM + HIDDEN_DIM + 2)
    assert count(layer) == 2 * whole
    if cell == "lstm":
        assert (whole, GATES[cell] * 4 * (INPUT_DIM + 4 + 2)) == (360, 208)


def test_layers_that_cannot_be_cut_are_refused() -> None:
    with pytest.raises(ValueError, match="not normalised"):
        without_dead_groups(recurrent("gru", normalise=True))
    with pytest.raises(TypeError, match="Linear"):
        without_dead_groups(nn.Linear(2, 2))


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("cell", GATES)
def test_a_residual_layer_without_live_groups_is_the_identity(cell: str, normalise: bool) -> None:
    width = 2 * HIDDEN_DIM
    inner = BidirectionalLayer(cell, input_dim=width, hidden_dim=HIDDEN_DIM)
    layer = Residual(inner, normalise=normalise)
    tokens, mask = torch.randn(2, 5, width), torch.ones(2, 5, dtype=torch.bool)
    assert not torch.equal(layer(tokens, mask), tokens)
    kill(inner, ([*range(6)], [*range(6)]))
    assert torch.equal(layer(tokens, mask), tokens)
