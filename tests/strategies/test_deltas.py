"""Differences from frozen layers: what is on, what it costs, what stays as it was."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.networks import layer_factory
from torch import Tensor, nn
from torch.optim import AdamW

from dovetail.errors import ModelError
from dovetail.strategies.added.block import Override, path_of
from dovetail.strategies.added.deltas.block import (
    Deltas,
    LayersWithDeltas,
    Scores,
    names_of_norms,
    with_replaced,
)
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.bottom.block import bottom
from dovetail.strategies.depth.block import depth
from dovetail.strategies.streams import Streams

DIM = 6
CELLS = pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])


def base(cell: str = "gru", layers: int = 2) -> SharingBlock:
    torch.manual_seed(0)
    own = {"entity": 0, "relation": 0}
    return depth(layer_factory(cell), input_dim=DIM, shared=layers, own=own)


def added(
    block: SharingBlock, *tasks: str, num_random: int | None = None, seed: int = 0, **scores: float
) -> LayersWithDeltas:
    paths = {task: path_of(block, task) for task in block.tasks}
    settings = Scores(**scores)  # type: ignore[arg-type]
    return LayersWithDeltas(
        paths, tasks, input_dim=DIM, scores=settings, num_random=num_random, seed=seed
    )


def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(2, 4, DIM, generator=generator)
    return tokens, torch.tensor([[True] * 4, [True, True, False, False]])


def stream(block: nn.Module, task: str = "relation") -> Tensor:
    tokens, mask = inputs()
    streams = block(Streams.tied(tokens, mask, ("entity", "relation")))
    return streams[task][mask]


@torch.no_grad()
def value(block: nn.Module, task: str = "relation") -> Tensor:
    """The stream as it is in use: attention has other kernels where gradients are asked for."""
    return stream(block, task)


def scores_of(block: LayersWithDeltas, task: str = "relation") -> list[nn.Parameter]:
    return [own.scores for own in block.deltas_of(task) if own.scores is not None]


def randomise(block: LayersWithDeltas) -> None:
    for task in block.overrides:
        for own in block.deltas_of(task):
            for delta in own.deltas.parameters():
                nn.init.normal_(delta, std=0.3)


def set_scores(block: LayersWithDeltas, *values: float) -> None:
    for scores, value in zip(scores_of(block), values, strict=True):
        scores.data.fill_(value)


def train(block: LayersWithDeltas, *, steps: int = 12, learning_rate: float = 1e-2) -> None:
    """Towards another function, with penalties, decay and momentum."""
    optimiser = AdamW(
        [own for own in block.parameters() if own.requires_grad],
        lr=learning_rate,
        weight_decay=0.1,
    )
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        loss = (stream(block) - 1).square().mean() + sum(block.penalties().values())
        loss.backward()
        optimiser.step()


@CELLS
def test_without_differences_the_function_is_that_of_the_base(cell: str) -> None:
    block = base(cell)
    assert torch.equal(value(added(block, "relation")), value(block))


@CELLS
def test_below_the_threshold_the_function_is_that_of_the_base(cell: str) -> None:
    block = base(cell)
    extended = added(block, "relation")
    randomise(extended)
    assert not torch.equal(value(extended), value(block))
    set_scores(extended, 0.0999, -3.0)
    assert torch.equal(value(extended), value(block))


@CELLS
def test_above_the_threshold_the_weights_are_those_of_the_base_and_the_differences(
    cell: str,
) -> None:
    block = base(cell)
    extended = added(block, "relation")
    randomise(extended)
    set_scores(extended, 0.1, 7.0)
    moved = copy.deepcopy(block)
    for layer, own in zip(path_of(moved, "relation"), extended.deltas_of("relation"), strict=True):
        for name, delta in own.deltas.by_name().items():
            layer.get_parameter(name).data.add_(delta)
    assert torch.equal(value(extended), value(moved))


@CELLS
def test_the_other_task_stays_bit_for_bit_while_one_is_trained(cell: str) -> None:
    block = base(cell)
    before = value(block, "entity")
    extended = added(block, "relation", penalty=0.0)
    own = value(extended)
    train(extended)
    assert torch.equal(value(extended, "entity"), before)
    assert not torch.equal(value(extended), own)


@pytest.mark.parametrize("of_matrices", [False, True])
@CELLS
def test_what_is_off_gives_its_differences_no_gradient_and_its_score_one(
    cell: str, of_matrices: bool
) -> None:
    extended = added(base(cell), "relation", of_matrices=of_matrices)
    randomise(extended)
    set_scores(extended, 0.0, 0.2)
    stream(extended).sin().sum().backward()
    off, on = extended.deltas_of("relation")
    assert not any(bool(own.grad.any()) for own in off.deltas.parameters() if own.grad is not None)
    assert any(bool(own.grad.any()) for own in on.deltas.parameters() if own.grad is not None)
    assert all(bool(own.grad.all()) for own in scores_of(extended) if own.grad is not None)
    assert all(own.grad is not None for own in scores_of(extended))


def test_at_the_start_only_the_penalty_moves_a_score() -> None:
    extended = added(base(), "relation")
    stream(extended).sin().sum().backward()
    assert not any(bool(own.grad.any()) for own in scores_of(extended) if own.grad is not None)
    sum(extended.penalties().values()).backward()  # type: ignore[union-attr]
    assert [own.grad.item() for own in scores_of(extended) if own.grad is not None] == [
        pytest.approx(0.15)
    ] * 2  # 0.3 / 2 layers


def test_the_penalty_is_the_mean_size_of_the_scores() -> None:
    extended = added(base(), "entity", "relation", penalty=0.5)
    set_scores(extended, 0.3, -0.1)
    expected = 0.5 * (0.15 + (0.3 + 0.1) / 2)
    assert extended.penalties()["deltas"].item() == pytest.approx(expected)
    assert not added(base(), "relation", num_random=1).penalties()


@pytest.mark.parametrize(("penalty", "expected"), [(0.0, 2), (1e4, 0)])
def test_penalty_decides_how_many_layers_are_on(penalty: float, expected: int) -> None:
    extended = added(base(), "relation", penalty=penalty)
    for own in extended.deltas_of("relation"):
        own.deltas.requires_grad_(requires_grad=False)  # so that nothing else moves the scores
    train(extended, steps=40)
    assert sum(len(own.active) for own in extended.deltas_of("relation")) == expected


def test_a_higher_penalty_never_keeps_more_layers() -> None:
    counts = []
    for penalty in (0.0, 0.1, 1.0, 10.0, 100.0):
        extended = added(base(layers=3), "relation", penalty=penalty)
        train(extended, steps=30)
        counts.append(sum(len(own.active) for own in extended.deltas_of("relation")))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 3
    assert counts[-1] == 0


@CELLS
def test_final_form_holds_the_active_layers_and_gives_the_same(cell: str) -> None:
    extended = added(base(cell), "relation")
    randomise(extended)
    set_scores(extended, 0.05, 0.15)
    final = extended.finalize()
    torch.testing.assert_close(value(final), value(extended), rtol=0, atol=1e-6)
    layers = path_of(base(cell), "relation")
    norms = [
        sum(layer.get_parameter(name).numel() for name in names_of_norms(layer)) for layer in layers
    ]
    active = sum(own.numel() for own in layers[1].parameters())
    counted = {
        place: sum(own.numel() for own in block.parameters())
        for place, block in (("final", final), ("frozen", base(cell)))
    }
    assert counted["final"] - counted["frozen"] == norms[0] + active


@CELLS
def test_final_form_is_built_again_from_what_it_names(cell: str) -> None:
    extended = added(base(cell), "relation", of_matrices=True)
    randomise(extended)
    (scores, _) = scores_of(extended)
    scores.data[0] = 0.0
    final = extended.finalize()
    other = base(cell)
    paths = {task: path_of(other, task) for task in other.tasks}
    again = with_replaced(paths, final.assets(), input_dim=DIM)
    again.load_state_dict(final.state_dict())
    assert torch.equal(value(again), value(final))


@CELLS
def test_matrices_are_switched_on_one_by_one(cell: str) -> None:
    whole, single = (
        added(base(cell), "relation", of_matrices=choice).deltas_of("relation")[0]
        for choice in (False, True)
    )
    assert whole.units == ["layer"]
    weights = [name for name in whole.unit_by_name if "weight" in name]
    assert len(single.units) == len(weights)
    assert single.unit_by_name.keys() == whole.unit_by_name.keys()


def test_random_layers_are_as_many_as_asked_for_and_the_seed_decides_which() -> None:
    def on(seed: int) -> list[list[str]]:
        block = added(base(layers=8), "relation", num_random=3, seed=seed)
        return [own.active for own in block.deltas_of("relation")]

    assert all(sum(map(len, on(seed))) == 3 for seed in range(4))
    assert on(1) == on(1)
    assert any(on(seed) != on(1) for seed in range(4))
    with pytest.raises(ModelError, match=r"9 layers .* to be drawn at random, and there are 8"):
        added(base(layers=8), "relation", num_random=9)


def test_random_layers_are_trained_and_the_others_have_nothing_to_train() -> None:
    block = base(layers=3)
    extended = added(block, "relation", num_random=1)
    parts: list[Override] = extended.overrides_of("relation")
    assert sum(isinstance(own, Deltas) and bool(list(own.parameters())) for own in parts) == 1
    assert torch.equal(value(extended), value(block))
    train(extended)
    assert not torch.equal(value(extended), value(block))


def test_a_path_leads_through_shared_and_own_layers() -> None:
    own = {"entity": 1, "relation": 2}
    block = bottom(layer_factory("gru"), input_dim=DIM, own=own, shared=1)
    tokens, mask = inputs()
    for task in own:
        found = tokens
        for layer in path_of(block, task):
            found = layer(found, mask)
        assert torch.equal(found, block(Streams.tied(tokens, mask, block.tasks))[task])
    with pytest.raises(TypeError, match="found LayersWithDeltas"):
        path_of(added(block, "entity"), "entity")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("cell", ["gru", "lstm"])  # without normalisations, which are always own
def test_where_nothing_differs_the_layers_run_once_for_both(cell: str, training: bool) -> None:
    block = base(cell)
    incremental = added(block, "relation", num_random=0)
    tokens, mask = inputs()
    for form in (incremental, incremental.finalize()):
        found = form.train(training)(Streams.tied(tokens, mask, form.tasks))
        assert found["entity"] is found["relation"]
    assert torch.equal(stream(incremental.eval()), stream(block.eval()))


def test_streams_that_differ_are_run_apart_where_nothing_else_differs() -> None:
    form = added(base(), "relation", num_random=0).eval()
    tokens, mask = inputs()
    found = form(Streams({"entity": tokens, "relation": 2 * tokens}, mask))
    twice = form(Streams.tied(2 * tokens, mask, form.tasks))
    assert torch.equal(found["relation"], twice["relation"])
    assert not torch.equal(found["entity"], found["relation"])
