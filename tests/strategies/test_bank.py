"""Modulators of a frozen bank: where they start, what they cost, what stays as it was."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.networks import layer_factory
from torch import Tensor, nn
from torch.optim import AdamW

from dovetail.layers.matrices import inputs_of_matrices, matrices_of
from dovetail.strategies.added.bank.block import LayersOverBank, Modulators
from dovetail.strategies.added.block import names_of_norms, path_of
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.depth.block import depth
from dovetail.strategies.streams import Streams

DIM = 8
"""Width of the input and, with 4 units per direction, of every layer's output."""

CELLS = pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])


def base(cell: str = "gru") -> SharingBlock:
    torch.manual_seed(0)
    own = {"entity": 0, "relation": 0}
    block = depth(layer_factory(cell, hidden_dim=4), input_dim=DIM, shared=2, own=own)
    with torch.no_grad():
        for name, parameter in block.named_parameters():
            if "bias" in name:  # not zero, as it is before anything was learned
                parameter.normal_(std=0.3)
    return block.eval()


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(30, 7, DIM, generator=generator) + 0.3
    mask = torch.arange(7) < torch.randint(1, 8, (30, 1), generator=generator)
    return [(tokens[:20], mask[:20]), (tokens[20:], mask[20:])]


def modulated(block: SharingBlock, *tasks: str, rank: float = 1.0, start: bool = True):
    block = copy.deepcopy(block)
    paths = {task: path_of(block, task) for task in block.tasks}
    torch.manual_seed(3)
    extended = LayersOverBank(paths, tasks, input_dim=DIM, rank=rank)
    if start:
        extended.start(batches())
    return extended.eval()


@torch.no_grad()
def value(block: nn.Module, task: str = "relation", dtype: torch.dtype = torch.float32) -> Tensor:
    tokens, mask = batches()[0]
    streams = block(Streams.tied(tokens.to(dtype), mask, ("entity", "relation")))
    return streams[task][mask]


def train(block: LayersOverBank, steps: int = 12) -> None:
    """Towards another function, with decay and momentum."""
    tokens, mask = batches()[0]
    trained = [own for own in block.parameters() if own.requires_grad]
    optimiser = AdamW(trained, lr=1e-2, weight_decay=0.1)
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        stream = block(Streams.tied(tokens, mask, block.tasks))["relation"]
        (stream[mask] - 1).square().mean().backward()
        optimiser.step()


def parts_of(block: LayersOverBank, task: str = "relation") -> list[Modulators]:
    return [own for own in block.overrides_of(task) if isinstance(own, Modulators)]


@CELLS
def test_with_all_directions_the_start_is_the_function_of_the_base(cell: str) -> None:
    block = base(cell)
    extended = modulated(block, "relation")
    torch.testing.assert_close(value(extended), value(block), rtol=0, atol=5e-6)


@CELLS
def test_the_fewer_directions_the_farther_is_the_start(cell: str) -> None:
    """Of the responses themselves, which the directions are chosen for."""
    layer = path_of(base(cell), "relation")[0]
    tokens, mask = batches()[0]
    _, inputs = inputs_of_matrices(layer, tokens, mask)
    for place, matrix in enumerate(matrices_of(layer)):
        errors = []
        for rank in (0.25, 0.5, 0.75, 1.0):
            extended = modulated(base(cell), "relation", rank=rank, start=False)
            own = parts_of(extended)[0].modulators[place]
            own.start(layer, inputs)
            weights = own.weights()
            lost = [
                inputs[name] @ (layer.get_parameter(name) - weights[name]).t()
                for name in matrix.weights
            ]
            gained = [weights[name] - layer.get_parameter(name) for name in matrix.biases]
            error = torch.stack(lost).sum(0) - (torch.stack(gained).sum(0) if gained else 0)
            errors.append(error.square().sum().item())
            if matrix.biases:  # what the mean loses stands in the bias
                torch.testing.assert_close(
                    error.mean(0), torch.zeros_like(error[0]), atol=1e-5, rtol=0
                )
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < 1e-6 < errors[0]


@CELLS
def test_principal_directions_lose_less_than_random_ones(cell: str) -> None:
    block = base(cell)
    started, random = (
        (value(modulated(block, "relation", rank=0.5, start=start)) - value(block)).square().sum()
        for start in (True, False)
    )
    assert started < random


@CELLS
def test_without_responses_the_start_is_another_function_of_the_same_bank(cell: str) -> None:
    block = base(cell)
    extended = modulated(block, "relation", start=False)
    assert (value(extended) - value(block)).abs().max() > 0.05
    for own in parts_of(extended)[0].modulators:
        directions = own.direction.detach()
        product = directions @ directions.transpose(1, 2)
        torch.testing.assert_close(product, torch.eye(directions.shape[1]).expand_as(product))


@CELLS
def test_normalised_modulators_start_as_the_directions(cell: str) -> None:
    for own in parts_of(modulated(base(cell), "relation", rank=0.5))[0].modulators:
        torch.testing.assert_close(own.modulator(), own.basis)
        own.direction.data.mul_(7.0)  # the length of a direction means nothing
        torch.testing.assert_close(own.modulator(), own.basis)
        own.gain.data.mul_(2.0)
        torch.testing.assert_close(own.modulator(), 2 * own.basis)


@CELLS
def test_the_other_task_stays_bit_for_bit_while_one_is_trained(cell: str) -> None:
    block = base(cell)
    extended = modulated(block, "relation")
    start = value(extended)
    train(extended)
    assert torch.equal(value(extended, "entity"), value(block, "entity"))
    assert not torch.allclose(value(extended), start, atol=1e-2)


def test_bank_and_layers_are_in_no_optimiser_and_do_not_move() -> None:
    extended = modulated(base(), "relation")
    buffers = {name: value.clone() for name, value in extended.named_buffers()}
    assert sum("bank" in name for name in buffers) == 2 * 2 * 2  # layers, directions, x and h
    assert all(
        ".overrides." not in name or "bank" not in name for name, _ in extended.named_parameters()
    )
    frozen = {name: own.clone() for name, own in extended.layers.named_parameters()}
    train(extended)
    assert all(torch.equal(value, buffers[name]) for name, value in extended.named_buffers())
    assert all(torch.equal(own, frozen[name]) for name, own in extended.layers.named_parameters())


@pytest.mark.parametrize("rank", [1.0, 0.5, 0.25])
@CELLS
def test_final_form_gives_the_same_in_the_numbers_of_the_formula(cell: str, rank: float) -> None:
    block = base(cell)
    extended = modulated(block, "relation", rank=rank)
    train(extended)
    final = extended.finalize()
    torch.testing.assert_close(value(final), value(extended), rtol=0, atol=5e-6)
    expected = 0
    for layer in path_of(block, "relation"):
        expected += sum(layer.get_parameter(name).numel() for name in names_of_norms(layer))
        for matrix in matrices_of(layer):
            blocks, units, _ = matrix.rows(layer.get_parameter(matrix.weights[0])).shape
            expected += blocks * min(units**2, 2 * round(rank * units) * units)
            expected += sum(layer.get_parameter(name).numel() for name in matrix.biases)
    added = sum(own.numel() for own in final.state_dict().values())
    assert added - sum(own.numel() for own in block.state_dict().values()) == expected


@CELLS
def test_folded_weights_in_a_plain_layer_give_the_same(cell: str) -> None:
    extended = modulated(base(cell), "relation", rank=0.5)
    train(extended)
    plain = base(cell)
    for layer, own in zip(path_of(plain, "relation"), parts_of(extended), strict=True):
        for name, weight in own.weights(layer).items():
            layer.get_parameter(name).data.copy_(weight)
    torch.testing.assert_close(value(plain), value(extended), rtol=0, atol=5e-6)


def test_what_gates_multiply_are_the_words_and_the_states_before_them() -> None:
    """Restated: a cell's equations, from these inputs, give the states."""
    layer = path_of(base("gru"), "relation")[0]
    tokens, mask = batches()[0]
    output, found = inputs_of_matrices(layer, tokens, mask)
    states = output[mask]
    for direction, expected in zip(("forwards", "backwards"), states.chunk(2, dim=1), strict=True):
        cell = nn.GRUCell(DIM, 4)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            cell.get_parameter(name).data.copy_(layer.get_parameter(f"{direction}.{name}_l0"))
        inputs = found[f"{direction}.weight_ih_l0"], found[f"{direction}.weight_hh_l0"]
        torch.testing.assert_close(cell(*inputs), expected)


@CELLS
def test_every_matrix_of_a_layer_is_modulated(cell: str) -> None:
    layer = path_of(base(cell), "relation")[1]
    matrices = list(matrices_of(layer))
    named = {name for matrix in matrices for name in (*matrix.weights, *matrix.biases)}
    others = {name for name, _ in layer.named_parameters()} - named - names_of_norms(layer)
    assert others == ({"distance.weight"} if cell == "transformer" else set())
    for matrix in matrices:
        for name in matrix.weights:
            weight = layer.get_parameter(name)
            assert torch.equal(matrix.weight(matrix.rows(weight)), weight)
            if len(matrix.weights) == 1:
                assert matrix.rows(weight).shape[1] == min(weight.shape)


def test_products_are_made_once_and_again_where_a_factor_has_changed() -> None:
    extended = modulated(base(), "relation")
    train(extended)
    final = extended.finalize().eval()
    first = value(final)
    (own, *_) = final.overrides_of("relation")
    layer = final.path("relation")[0]
    with torch.no_grad():
        assert own.weights(layer) is own.weights(layer)
        changed = next(p for name, p in own.named_parameters() if "factors" in name)
        changed.mul_(2)
    second = value(final)
    assert not torch.equal(first, second)
    torch.testing.assert_close(second, value(copy.deepcopy(final)), rtol=0, atol=0)
    torch.testing.assert_close(value(final.double(), dtype=torch.float64).float(), second)
    assert own.weights(layer) is not own.weights(layer)  # with gradients
