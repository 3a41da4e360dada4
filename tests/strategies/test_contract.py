"""What every sharing strategy promises, for plans of two, of three and of six tasks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.networks import layer_factory
from tests.strategies.contract import (
    INPUT_DIM,
    alone_as_in_a_batch,
    every_parameter_serves_a_task,
    inputs,
    losses_reach_what_is_declared,
    moved,
    others_stay_where_tasks_are_left_out,
    padding_changes_nothing,
    run,
    same,
    some_alone_as_among_all,
)
from torch import Tensor

from dovetail.layers.primitives import OPERATIONS, Noise, Primitives, Reservoir
from dovetail.layers.residual import Residual
from dovetail.layers.transformer_layer import TransformerLayer
from dovetail.strategies.added.bank.block import LayersOverBank
from dovetail.strategies.added.block import path_of
from dovetail.strategies.added.deltas.block import LayersWithDeltas, Scores
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.bottom.block import bottom
from dovetail.strategies.context.block import ContextBlock, Sizes
from dovetail.strategies.context.config import Context
from dovetail.strategies.context.genotype import choices_of, drawn, uniform
from dovetail.strategies.context.layers import LayersWithContext
from dovetail.strategies.context.search import Search
from dovetail.strategies.copies import OverPieces
from dovetail.strategies.depth.block import depth
from dovetail.strategies.exits.block import SharedLayersWithExits, residual_exits
from dovetail.strategies.gates.block import Budget, gated
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.gates.groups import GatedGroups
from dovetail.strategies.primitives.block import RoutedBlock, routed
from dovetail.strategies.probe.block import probe
from dovetail.strategies.sequential.block import ExpertLayers, Transfer
from dovetail.strategies.sequential.strategy import entity_tasks
from dovetail.strategies.stacks import OwnLayers, Stack
from dovetail.strategies.variational.block import GaussianStreams, VariationalLayers
from dovetail.strategies.variational.mixing import TaskMixing

HIDDEN_DIM = 3
TASKS = (
    "entity", "relation", "coreference", "drugs/entity", "drugs/relation", "science/entity",
)  # fmt: skip
THREE = TASKS[:3]

Build = Callable[[str], SharingBlock]


def own(*layers: int) -> dict[str, int]:
    return dict(zip(TASKS, layers, strict=False))


def depth_of(shared: int, *layers: int) -> Build:
    return lambda cell: depth(
        layer_factory(cell), input_dim=INPUT_DIM, shared=shared, own=own(*layers)
    )


def bottom_of(shared: int, *layers: int, above: tuple[int, ...] = (), width: int = 0) -> Build:
    return lambda cell: bottom(
        layer_factory(cell),
        input_dim=INPUT_DIM,
        own=own(*layers),
        shared=shared,
        above=own(*above),
        projection_dim=width,
    )


def exits_at(*exits: int) -> Build:
    return lambda cell: SharedLayersWithExits(
        layer_factory(cell), input_dim=INPUT_DIM, exits=own(*exits)
    )


def deltas_on(base: Build, *added: str, **settings: Any) -> Build:
    def build(cell: str) -> SharingBlock:
        block = base(cell)
        paths = {task: path_of(block, task) for task in block.tasks}
        scores = Scores(of_matrices=settings.pop("of_matrices", False))
        return moved(LayersWithDeltas(paths, added, input_dim=INPUT_DIM, scores=scores, **settings))

    return build


OPEN = dict(
    zip(TASKS, (0b100_001, 0b010_100, 0b011_010, 0b001_100, 0b101_010, 0b010_001), strict=True)
)
"""The units that are a task's own; no unit is everybody's, or nobody's."""


def gated_layers(layers: int, tasks: int, *, learned: bool = True, **settings: Any) -> Build:
    def gate(task: str) -> Gate:
        opened = (OPEN[task] >> torch.arange(2 * HIDDEN_DIM)) % 2 == 1
        return Gate(2 * opened.float() - 1, 2 * HIDDEN_DIM, learned=learned)

    return lambda cell: gated(
        layer_factory(cell),
        input_dim=INPUT_DIM,
        gates=[{task: gate(task) for task in TASKS[:tasks]} for _ in range(layers)],
        budget=Budget(dict.fromkeys(TASKS, 0.1), 1.0) if learned else None,
        **settings,
    )


def gated_groups(layers: int, tasks: int, *, learned: bool = True, **settings: Any) -> Build:
    """Transformer layers, whatever the cell: every other group of each sort is a task's own."""

    def gate(task: str, place: int) -> Gate:
        sorts = (2, 4 * HIDDEN_DIM, 0 if place else 2 * HIDDEN_DIM)
        opened = torch.cat([(torch.arange(n) + TASKS.index(task)) % 2 == 0 for n in sorts])
        return Gate(2 * opened.float() - 1, sum(sorts), learned=learned)

    return lambda _: gated(
        lambda width: TransformerLayer(input_dim=width, output_dim=2 * HIDDEN_DIM, num_heads=2),
        input_dim=INPUT_DIM,
        gates=[{task: gate(task, place) for task in TASKS[:tasks]} for place in range(layers)],
        kind=GatedGroups,
        budget=Budget(dict.fromkeys(TASKS, 0.1), 1.0) if learned else None,
        **settings,
    )


def residual_layers(cell: str) -> Any:
    """Layers of twice HIDDEN_DIM that add to what they read; a transformer's do so anyway."""
    make_layer = layer_factory(cell)
    if cell == "transformer":
        return make_layer
    return lambda width: Residual(make_layer(width), normalise=True)


def probe_of(*layers: int) -> Build:
    return lambda cell: probe(
        residual_layers(cell),
        input_dim=INPUT_DIM,
        projection_dim=2 * HIDDEN_DIM,
        own=own(*layers),
    )


def residual_exits_at(*exits: int) -> Build:
    return lambda cell: residual_exits(
        residual_layers(cell), input_dim=INPUT_DIM, width=2 * HIDDEN_DIM, exits=own(*exits)
    )


def bank_of(base: Build, *added: str, rank: float = 1.0) -> Build:
    def build(cell: str) -> SharingBlock:
        block = base(cell)
        paths = {task: path_of(block, task) for task in block.tasks}
        return moved(LayersOverBank(paths, added, input_dim=INPUT_DIM, rank=rank))

    return build


def routed_blocks(blocks: int, fraction: float, *tasks: str, trained: bool = False) -> Build:
    def make_block(width: int) -> RoutedBlock:
        layer = Reservoir(width, 2, spectral_radius=0.9, trained=trained)
        drawn = ((layer, 4), (Noise(0.0), width))
        return RoutedBlock(
            tasks,
            Primitives([*OPERATIONS], input_dim=width, drawn=drawn),
            output_dim=2 * HIDDEN_DIM,
            shared_fraction=fraction,
        )

    return lambda cell: routed(make_block, input_dim=INPUT_DIM, num_blocks=blocks)


def context_over(base: Build, genotype: Context | None = None, *, across: bool = True) -> Build:
    """Context for all pairs; without a genotype a mixture of what can be had, or by a search."""

    def build(cell: str) -> SharingBlock:
        layers = base(cell)
        classes = {task: 3 + place for place, task in enumerate(layers.tasks)}
        choices = choices_of(classes, across_schemas=across)
        chosen = uniform(genotype, choices) if genotype else drawn(choices, seed=5)
        fixed = {pair: (own,) for pair, own in chosen.items()}
        sizes = Sizes(dim=4, window=3, dropout=0.0, classes=classes)
        return moved(LayersWithContext(layers, ContextBlock(layers.output_dims, fixed, sizes)))

    return build


def searched_over(base: Build) -> Build:
    """A search for the context of all pairs, none of which is frozen."""

    def build(cell: str) -> SharingBlock:
        layers = base(cell)
        classes = dict.fromkeys(layers.tasks, 4)
        choices = choices_of(classes)
        search = Search(choices, freeze_lead=0.3, entropy_weight=0.06)
        sizes = Sizes(dim=4, window=3, dropout=0.0, classes=classes)
        context = ContextBlock(layers.output_dims, choices, sizes, search)
        return moved(LayersWithContext(layers, context))

    return build


def sequential_of(
    *above: int, levels: int = 1, experts: int = 2, selects: bool = True, detach: bool = False
) -> Build:
    """Levels of experts, so many own layers of each task, and what relations read of entities."""

    def build(cell: str) -> SharingBlock:
        make_layer, layers, width = layer_factory(cell), own(*above), INPUT_DIM
        blocks: list[SharingBlock] = []
        for _ in range(levels):
            level = ExpertLayers(
                make_layer,
                [*layers],
                input_dim=width,
                num_experts=experts,
                indicator_dim=2,
                selects=selects,
            )
            width = level.output_dims["entity"]
            blocks.append(level)
        blocks.append(OwnLayers(make_layer, input_dims=level.output_dims, num_layers=layers))
        sources = entity_tasks([*layers])
        return Stack([*blocks, Transfer(blocks[-1].output_dims, sources, detach=detach)])

    return build


def over_pieces(build: Build, *readers: str) -> Build:
    return lambda cell: OverPieces(build(cell), input_dim=INPUT_DIM, readers=readers)


def variational(build: Build, *, standard: bool = False, mixes: bool = True) -> Build:
    """Gaussian features above layers, of which the means are read."""

    def built(cell: str) -> SharingBlock:
        below = build(cell)
        mixing = TaskMixing(below.tasks, below.tasks, standard=standard) if mixes else None
        dims = below.output_dims
        top = GaussianStreams(dims, 2 * HIDDEN_DIM, mixing=mixing, noise=0.0)
        return VariationalLayers([below, top])

    return built


def widths(*layers: int) -> list[int]:
    """The output of a task that no layer serves is the input."""
    return [2 * HIDDEN_DIM if count else INPUT_DIM for count in layers]


def both_widths(*layers: int) -> list[int]:
    """What layers make of the pieces stands beside the input."""
    return [INPUT_DIM + (2 * HIDDEN_DIM if count else 0) for count in layers]


PLANS: dict[str, tuple[Build, list[int]]] = {
    "depth 1+1+2": (depth_of(1, 1, 2), widths(2, 3)),
    "depth 2+0+1": (depth_of(2, 0, 1), widths(2, 3)),
    "depth 0+1+0": (depth_of(0, 1, 0), widths(1, 0)),
    "depth 1+0+0": (depth_of(1, 0, 0), widths(1, 1)),
    "depth 0+0+0": (depth_of(0, 0, 0), widths(0, 0)),
    "depth 1+0+1+2": (depth_of(1, 0, 1, 2), widths(1, 2, 3)),
    "bottom 1+1 under 1": (bottom_of(1, 1, 1), widths(2, 2)),
    "bottom 1+2 under 1": (bottom_of(1, 1, 2), widths(2, 3)),
    "bottom 0+0 under 2": (bottom_of(2, 0, 0), widths(2, 2)),
    "bottom 1+0 under 0": (bottom_of(0, 1, 0), widths(1, 0)),
    "bottom 1+2+1 under 2": (bottom_of(2, 1, 2, 1), widths(3, 4, 3)),
    "bottom 1+1 under 1 under 0+2": (bottom_of(1, 1, 1, above=(0, 2)), widths(2, 4)),
    "projected bottom 0+1 under 1": (bottom_of(1, 0, 1, width=2 * HIDDEN_DIM), widths(1, 2)),
    "projected sandwich": (
        bottom_of(1, 1, 1, 2, above=(1, 0, 1), width=INPUT_DIM + 2),
        widths(3, 2, 4),
    ),
    "exits 1 2": (exits_at(1, 2), widths(1, 2)),
    "exits 2 0": (exits_at(2, 0), widths(2, 0)),
    "exits 2 2": (exits_at(2, 2), widths(2, 2)),
    "exits 0 0": (exits_at(0, 0), widths(0, 0)),
    "exits 0 1 3": (exits_at(0, 1, 3), widths(0, 1, 3)),
    "deltas of relation": (deltas_on(depth_of(2, 0, 0), "relation"), widths(2, 2)),
    "deltas of both": (deltas_on(depth_of(1, 1, 2), "entity", "relation"), widths(2, 3)),
    "deltas of matrices": (
        deltas_on(depth_of(1, 0, 1, 2), *THREE[1:], of_matrices=True),
        widths(1, 2, 3),
    ),
    "deltas of random layers": (
        deltas_on(exits_at(1, 2, 3), *THREE, num_random=1),
        widths(1, 2, 3),
    ),
    "gates, 1 layer": (gated_layers(1, 2), widths(1, 1)),
    "gates, 2 layers": (gated_layers(2, 2, normalise=True), widths(2, 2)),
    "gates, 3 layers, detached": (gated_layers(3, 2, detach=True), widths(3, 3)),
    "gates, 2 layers, fixed": (gated_layers(2, 2, learned=False), widths(2, 2)),
    "gates, 2 layers, 3 tasks": (gated_layers(2, 3), widths(2, 2, 2)),
    "gates in transformers, 1 layer": (gated_groups(1, 2), widths(1, 1)),
    "gates in transformers, 2 layers": (gated_groups(2, 2, normalise=True), widths(2, 2)),
    "gates in transformers, detached": (gated_groups(3, 2, detach=True), widths(3, 3)),
    "gates in transformers, fixed": (gated_groups(2, 3, learned=False), widths(2, 2, 2)),
    "residual exits 1 2": (residual_exits_at(1, 2), widths(2, 3)),
    "residual exits 2 1 3": (residual_exits_at(2, 1, 3), widths(3, 2, 4)),
    "residual exits 0 2": (residual_exits_at(0, 2), widths(0, 3)),
    "residual exits 0 0": (residual_exits_at(0, 0), widths(0, 0)),
    "probe 2+0": (probe_of(2, 0), widths(3, 0)),
    "probe 0+1+0": (probe_of(0, 1, 0), widths(0, 2, 0)),
    "bank, modulated by relation": (bank_of(depth_of(2, 0, 0), "relation"), widths(2, 2)),
    "bank, modulated by both": (bank_of(depth_of(1, 1, 2), "entity", "relation"), widths(2, 3)),
    "bank of few filters": (bank_of(exits_at(1, 2, 3), *THREE[1:], rank=0.7), widths(1, 2, 3)),
    "primitives, half shared": (routed_blocks(2, 0.5, *TASKS[:2]), widths(2, 2)),
    "primitives, all shared": (routed_blocks(1, 1.0, *TASKS[:2]), widths(1, 1)),
    "primitives, all own": (routed_blocks(2, 0.0, *THREE), widths(2, 2, 2)),
    "primitives, trained": (routed_blocks(2, 0.5, *THREE, trained=True), widths(2, 2, 2)),
    "context, drawn": (context_over(depth_of(1, 1, 2)), widths(2, 3)),
    "context, none": (context_over(depth_of(0, 1, 0), "none"), widths(1, 0)),
    "context, global": (context_over(depth_of(1, 0, 1), "global"), widths(1, 2)),
    "context, local": (context_over(depth_of(0, 1, 1), "local"), widths(1, 1)),
    "context, target": (context_over(depth_of(1, 1, 1, 1), "target"), widths(2, 2, 2)),
    "context, source": (context_over(depth_of(1, 0, 1, 2), "source"), widths(1, 2, 3)),
    "context, searched": (searched_over(depth_of(1, 1, 2)), widths(2, 3)),
    "sequential, 2 experts": (sequential_of(0, 0), widths(1, 1)),
    "sequential, 2 levels under 1+2": (sequential_of(1, 2, levels=2), widths(3, 4)),
    "sequential, 3 experts, nothing selected": (
        sequential_of(0, 1, 0, experts=3, selects=False),
        widths(1, 2, 1),
    ),
    "sequential, 1 expert, detached": (
        sequential_of(1, 0, experts=1, detach=True),
        widths(2, 1),
    ),
    "over pieces 1+1+2": (over_pieces(depth_of(1, 1, 2), *TASKS[:2]), both_widths(2, 3)),
    "over pieces 0+0+2": (over_pieces(depth_of(0, 0, 2), TASKS[1]), both_widths(0, 2)),
    "over pieces 0+0+0": (over_pieces(depth_of(0, 0, 0)), both_widths(0, 0)),
    "over pieces 1+0+1+2": (over_pieces(depth_of(1, 0, 1, 2), *THREE), both_widths(1, 2, 3)),
    "over pieces, exits 1 2": (over_pieces(exits_at(1, 2), *TASKS[:2]), both_widths(1, 2)),
    "over pieces, deltas of relation": (
        over_pieces(deltas_on(depth_of(2, 0, 0), "relation"), *TASKS[:2]),
        both_widths(2, 2),
    ),
    "over pieces, bank": (
        over_pieces(bank_of(exits_at(1, 2, 3), *THREE[1:], rank=0.7), *THREE),
        both_widths(1, 2, 3),
    ),
    "variational with a component": (
        variational(depth_of(1, 1, 1), standard=True),
        widths(1, 1),
    ),
    "variational, standard": (variational(depth_of(1, 0, 2), mixes=False), widths(1, 1)),
    "variational of three": (variational(depth_of(1, 0, 1, 2)), widths(1, 1, 1)),
    "six: variational": (variational(depth_of(1, 0, 1, 1, 0, 2, 1)), widths(*[1] * 6)),
    "six: depth": (depth_of(1, 0, 1, 1, 0, 2, 1), widths(1, 2, 2, 1, 3, 2)),
    "six: bottom": (bottom_of(1, 1, 1, 1, 1, 1, 2), widths(2, 2, 2, 2, 2, 3)),
    "six: residual exits": (residual_exits_at(1, 2, 0, 0, 3, 1), widths(2, 3, 0, 0, 4, 2)),
    "six: exits": (exits_at(1, 2, 2, 0, 3, 1), widths(1, 2, 2, 0, 3, 1)),
    "six: deltas of two": (
        deltas_on(depth_of(1, 0, 1, 0, 1, 0, 1), *TASKS[3:5]),
        widths(1, 2, 1, 2, 1, 2),
    ),
    "six: gates": (gated_layers(2, 6), widths(2, 2, 2, 2, 2, 2)),
    "six: gates in transformers": (gated_groups(2, 6), widths(2, 2, 2, 2, 2, 2)),
    "six: primitives": (routed_blocks(2, 0.5, *TASKS), widths(2, 2, 2, 2, 2, 2)),
    "six: context across": (
        context_over(depth_of(1, 0, 1, 1, 0, 2, 1)),
        widths(1, 2, 2, 1, 3, 2),
    ),
    "six: context within": (
        context_over(depth_of(1, 0, 1, 1, 0, 2, 1), "source", across=False),
        widths(1, 2, 2, 1, 3, 2),
    ),
    "six: context searched across": (
        searched_over(depth_of(1, 0, 1, 1, 0, 0, 1)),
        widths(1, 2, 2, 1, 1, 2),
    ),
    "six: sequential": (sequential_of(0, 0, 1, 0, 1, 0), widths(1, 1, 2, 1, 2, 1)),
    "six: sequential, detached": (
        sequential_of(0, 1, 1, 1, 0, 0, detach=True),
        widths(1, 2, 2, 2, 1, 1),
    ),
    "six: over pieces": (
        over_pieces(depth_of(1, 0, 1, 1, 0, 0, 1), *TASKS),
        both_widths(1, 2, 2, 1, 1, 2),
    ),
}


@pytest.fixture(params=PLANS)
def plan(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=["gru", "lstm", "transformer"])
def cell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def block(plan: str, cell: str) -> SharingBlock:
    torch.manual_seed(0)
    return PLANS[plan][0](cell)


def test_streams_have_the_declared_widths(plan: str, block: SharingBlock) -> None:
    tokens, mask = inputs(4, 2)
    streams = run(block, tokens, mask)
    expected = PLANS[plan][1]
    assert [block.output_dims[task] for task in block.tasks] == expected
    assert tuple(streams.by_task) == block.tasks == TASKS[: len(expected)]
    assert [tuple(streams[task].shape) for task in block.tasks] == [(2, 4, dim) for dim in expected]
    assert streams.mask is mask


@pytest.mark.parametrize("training", [True, False])
def test_content_of_padding_changes_nothing(block: SharingBlock, training: bool) -> None:
    block.train(training)
    padding_changes_nothing(block)


@pytest.mark.parametrize("training", [True, False])
def test_a_sentence_alone_equals_the_same_in_a_batch(block: SharingBlock, training: bool) -> None:
    block.train(training)
    alone_as_in_a_batch(block)


def test_evaluation_is_deterministic_where_training_drops_values(plan: str) -> None:
    block = PLANS[plan][0]("gru")
    for module in block.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    tokens, mask = inputs(4, 2)
    block.eval()
    same(run(block, tokens, mask), run(block, tokens, mask))
    block.train()
    first, second = run(block, tokens, mask), run(block, tokens, mask)
    for task in block.tasks:
        untouched = block.output_dims[task] == INPUT_DIM
        assert torch.equal(first[task], second[task]) == untouched


@pytest.mark.parametrize("training", [True, False])
def test_a_loss_reaches_exactly_the_parameters_that_are_declared(
    block: SharingBlock, training: bool
) -> None:
    block.train(training)
    losses_reach_what_is_declared(block)


@pytest.mark.parametrize("training", [True, False])
def test_some_tasks_alone_see_what_they_see_among_all(
    plan: str, block: SharingBlock, training: bool
) -> None:
    """A batch of one schema needs no streams of the others, unless the tasks read each other."""
    block.train(training)
    mixed = {"variational with a component", "variational of three", "six: variational"}
    apart = "gates" not in plan and "across" not in plan
    assert block.takes_some == (apart and not (training and plan in mixed))
    some_alone_as_among_all(block)


READ_BY_OTHERS = ("gates", "deltas", "bank", "context", "sequential")


@pytest.mark.parametrize("training", [True, False])
def test_tasks_can_be_left_out_where_no_other_reads_them(
    plan: str, block: SharingBlock, training: bool
) -> None:
    """First tasks, last ones, and those between.

    Gates mix all, added tasks stand on a base, and with context or in a sequence tasks read others.
    """
    block.train(training)
    first, *_, last = block.tasks
    if any(kind in plan for kind in READ_BY_OTHERS):
        with pytest.raises(ValueError, match="does not say how tasks are left out of it"):
            block.without([last])
        return
    others_stay_where_tasks_are_left_out(block, last)
    others_stay_where_tasks_are_left_out(block, first)
    others_stay_where_tasks_are_left_out(block, *block.tasks[1::2])


def test_every_parameter_serves_a_task_and_is_reached_by_one(block: SharingBlock) -> None:
    every_parameter_serves_a_task(block)


def test_gradient_of_shared_parameters_is_the_sum_over_the_tasks(block: SharingBlock) -> None:
    block.double()  # so that the order of a sum of six makes no difference

    def gradients(*tasks: str) -> dict[str, Tensor]:
        block.zero_grad(set_to_none=True)
        tokens, mask = inputs(4, 3)
        streams = run(block, tokens.double().requires_grad_(), mask)
        torch.stack([streams[task][mask].square().sum() for task in tasks]).sum().backward()
        return {
            name: parameter.grad.clone()
            for name, parameter in block.named_parameters()
            if parameter.grad is not None
        }

    together, apart = gradients(*block.tasks), [gradients(task) for task in block.tasks]
    for name, gradient in together.items():
        parts = [own[name] for own in apart if name in own]
        torch.testing.assert_close(gradient, torch.stack(parts).sum(0))


def test_saved_state_gives_the_same_streams(plan: str, cell: str, block: SharingBlock) -> None:
    torch.manual_seed(9)
    other = PLANS[plan][0](cell)
    tokens, mask = inputs(4, 2)
    other.load_state_dict(block.state_dict())
    same(run(block, tokens, mask), run(other, tokens, mask))


def test_finalised_block_gives_the_same_streams(plan: str, block: SharingBlock) -> None:
    tokens, mask = inputs(4, 2)
    block.eval().double()
    final = copy.deepcopy(block).finalize()
    assert final.output_dims == block.output_dims
    streams = run(block, tokens.double(), mask), run(final, tokens.double(), mask)
    # A bank is taken apart in single precision, and put together again.
    same(*streams, rtol=0, atol=1e-6 if "bank" in plan else 1e-14)
    stored, needed = (
        sum(value.numel() for value in own.state_dict().values()) for own in (block, final)
    )
    assert needed <= stored
