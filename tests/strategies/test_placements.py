"""The placements against each other: reductions, counts of parameters and of runs, refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from tests.networks import layer_factory, reached
from torch import Tensor, nn

from dovetail.layers.projection import Projection
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.bottom.block import bottom
from dovetail.strategies.depth.block import depth
from dovetail.strategies.exits.block import SharedLayersWithExits
from dovetail.strategies.stacks import OwnLayers, SharedLayers, Stack
from dovetail.strategies.streams import Streams

DIM = 6
"""Width of the input and, with 3 units per direction, of every layer's output."""

GRU = layer_factory("gru")
TASKS = ("entity", "relation", "coreference")


def layers_of(block: SharingBlock) -> list[BidirectionalLayer]:
    return [module for module in block.modules() if isinstance(module, BidirectionalLayer)]


def copy_layers(source: Sequence[nn.Module], target: Sequence[nn.Module]) -> None:
    for ours, theirs in zip(source, target, strict=True):
        theirs.load_state_dict(ours.state_dict())


def inputs() -> tuple[Tensor, Tensor]:
    return torch.randn(2, 4, DIM), torch.tensor([[True] * 4, [True, True, False, False]])


def runs_by_layer(block: SharingBlock) -> list[int]:
    """How often each layer runs for one batch, in the order of `layers_of`."""
    counts: Counter[int] = Counter()
    layers = layers_of(block)
    hooks = [
        layer.register_forward_hook(lambda module, *_: counts.update([id(module)]))
        for layer in layers
    ]
    block(Streams.tied(*inputs(), block.tasks))
    for hook in hooks:
        hook.remove()
    return [counts[id(layer)] for layer in layers]


def plain_stack(layers: Sequence[nn.Module], tokens: Tensor, mask: Tensor) -> Tensor:
    for layer in layers:
        tokens = layer(tokens, mask)
    return tokens


@pytest.mark.parametrize("number", [2, 3])
def test_a_shared_layer_runs_once_while_tasks_are_tied(number: int) -> None:
    tasks = TASKS[:number]
    block = depth(GRU, input_dim=DIM, shared=2, own=dict.fromkeys(tasks, 1))
    assert runs_by_layer(block) == [1, 1] + [1] * number


@pytest.mark.parametrize("number", [2, 3])
def test_a_shared_layer_runs_once_for_each_task_once_they_are_untied(number: int) -> None:
    tasks = TASKS[:number]
    block = bottom(GRU, input_dim=DIM, own=dict.fromkeys(tasks, 1), shared=2)
    assert runs_by_layer(block) == [1] * number + [number, number]


def test_a_projection_runs_once_and_the_layers_above_the_shared_ones_once_each() -> None:
    tasks = TASKS[:2]
    one_each = dict.fromkeys(tasks, 1)
    runs: Counter[str] = Counter()
    block = bottom(
        GRU, input_dim=DIM, own=one_each, shared=1, above=one_each, projection_dim=DIM + 1
    )
    for module in block.modules():
        if isinstance(module, Projection):
            module.register_forward_hook(lambda *_: runs.update(["projection"]))
    assert runs_by_layer(block) == [1, 1, 2, 1, 1]
    assert runs == {"projection": 1}


def test_tasks_that_stay_tied_among_others_share_their_runs() -> None:
    block = bottom(GRU, input_dim=DIM, own=dict(zip(TASKS, (1, 0, 0), strict=True)), shared=1)
    assert runs_by_layer(block) == [1, 2]


def test_layers_below_an_exit_run_once_for_all_tasks() -> None:
    block = SharedLayersWithExits(
        GRU, input_dim=DIM, exits=dict(zip(TASKS, (1, 3, 2), strict=True))
    )
    assert runs_by_layer(block) == [1, 1, 1]


def test_bottom_without_own_layers_is_hard_sharing() -> None:
    below = bottom(GRU, input_dim=DIM, own={"entity": 0, "relation": 0}, shared=2)
    hard = depth(GRU, input_dim=DIM, own={"entity": 0, "relation": 0}, shared=2)
    copy_layers(layers_of(below), layers_of(hard))
    streams = Streams.tied(*inputs(), below.tasks)
    for task in below.tasks:
        assert torch.equal(below(streams)[task], hard(streams)[task])


@pytest.mark.parametrize("place", [bottom, depth])
def test_without_shared_layers_the_tasks_are_independent_stacks(
    place: Callable[..., SharingBlock],
) -> None:
    block = place(GRU, input_dim=DIM, own={"entity": 2, "relation": 1}, shared=0)
    tokens, mask = inputs()
    streams = block(Streams.tied(tokens, mask, block.tasks))
    first, second, third = layers_of(block)
    assert torch.equal(streams["entity"], plain_stack([first, second], tokens, mask))
    assert torch.equal(streams["relation"], plain_stack([third], tokens, mask))


def test_exits_all_at_the_top_are_a_plain_shared_stack() -> None:
    exits = SharedLayersWithExits(GRU, input_dim=DIM, exits=dict.fromkeys(TASKS, 3))
    shared = SharedLayers(GRU, input_dims=dict.fromkeys(TASKS, DIM), num_layers=3)
    copy_layers(layers_of(exits), layers_of(shared))
    streams = Streams.tied(*inputs(), TASKS)
    for task in TASKS:
        assert torch.equal(exits(streams)[task], shared(streams)[task])
    together = exits(streams)
    assert all(together[task] is together[TASKS[0]] for task in TASKS)


def test_each_exit_leaves_a_plain_stack_of_so_many_layers() -> None:
    block = SharedLayersWithExits(
        GRU, input_dim=DIM, exits=dict(zip(TASKS, (0, 1, 3), strict=True))
    )
    tokens, mask = inputs()
    streams = block(Streams.tied(tokens, mask, TASKS))
    for task, exit_ in block.exits.items():
        assert torch.equal(streams[task], plain_stack(layers_of(block)[:exit_], tokens, mask))


def test_layers_above_an_exit_get_no_gradient_from_its_task() -> None:
    block = SharedLayersWithExits(GRU, input_dim=DIM, exits={"entity": 1, "relation": 3})
    block(Streams.tied(*inputs(), block.tasks))["entity"].square().sum().backward()
    with_gradient = {
        name.split(".")[1] for name, p in block.named_parameters() if p.grad is not None
    }
    assert with_gradient == {"0"}


def test_no_layer_is_built_above_the_deepest_exit() -> None:
    block = SharedLayersWithExits(GRU, input_dim=DIM, exits={"entity": 1, "relation": 2})
    assert len(layers_of(block)) == 2


@pytest.mark.parametrize(("shared", "own"), [(1, 1), (2, 1), (1, 2), (0, 2), (2, 0)])
def test_mirrored_plans_of_equal_widths_have_equally_many_parameters(shared: int, own: int) -> None:
    plan = dict.fromkeys(TASKS, own)
    counts = {
        sum(parameter.numel() for parameter in block.parameters())
        for block in (
            depth(GRU, input_dim=DIM, shared=shared, own=plan),
            bottom(GRU, input_dim=DIM, shared=shared, own=plan),
        )
    }
    assert len(counts) == 1


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
@pytest.mark.parametrize(("shared", "own"), [(1, 1), (2, 1), (1, 2), (0, 2)])
def test_a_projection_makes_plans_match_whatever_the_encoders_give(
    cell: str, shared: int, own: int
) -> None:
    """The same layers at the bottom, at the top, and half of them at either end."""
    none, all_of_them = dict.fromkeys(TASKS, 0), dict.fromkeys(TASKS, own)
    halves = [dict.fromkeys(TASKS, own // 2), dict.fromkeys(TASKS, own - own // 2)]
    plans = [(all_of_them, none), (none, all_of_them), halves, halves[::-1]]
    counts = {
        sum(
            parameter.numel()
            for parameter in bottom(
                layer_factory(cell),
                input_dim=17,
                own=below,
                shared=shared,
                above=above,
                projection_dim=DIM,
            ).parameters()
        )
        for below, above in plans
    }
    assert len(counts) == 1


def test_layers_above_alone_are_depth_sharing() -> None:
    none, above = {"entity": 0, "relation": 0}, {"entity": 1, "relation": 2}
    ours = bottom(GRU, input_dim=DIM, own=none, shared=1, above=above)
    theirs = depth(GRU, input_dim=DIM, shared=1, own=above)
    copy_layers(layers_of(ours), layers_of(theirs))
    streams = Streams.tied(*inputs(), ours.tasks)
    for task in ours.tasks:
        assert torch.equal(ours(streams)[task], theirs(streams)[task])


def test_own_layers_below_are_never_reached_by_another_task() -> None:
    block = bottom(GRU, input_dim=DIM, own={"entity": 2, "relation": 1}, shared=1)
    block(Streams.tied(*inputs(), block.tasks))["entity"].square().sum().backward()
    own = {name: p.grad for name, p in block.named_parameters() if "stacks.relation" in name}
    assert own
    assert all(gradient is None for gradient in own.values())


def test_shared_layers_over_streams_of_unequal_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="streams of one width"):
        bottom(GRU, input_dim=DIM + 1, own={"entity": 1, "relation": 0}, shared=1)
    with pytest.raises(ValueError, match="streams of one width"):
        SharedLayers(GRU, input_dims={"entity": 4, "relation": 6}, num_layers=1)
    none = SharedLayers(GRU, input_dims={"entity": 4, "relation": 6}, num_layers=0)
    assert none.output_dims == {"entity": 4, "relation": 6}


def test_negative_exits_are_refused() -> None:
    with pytest.raises(ValueError, match="'relation': -1"):
        SharedLayersWithExits(GRU, input_dim=DIM, exits={"entity": 1, "relation": -1})


def test_stack_refuses_what_is_no_sharing_block() -> None:
    stack = Stack([SharedLayers(GRU, input_dims={"entity": DIM}, num_layers=1)])
    stack.blocks.append(nn.Identity())
    with pytest.raises(TypeError, match="Identity"):
        stack.owners("blocks.1.weight")


def test_a_loss_reads_through_a_stack_what_its_blocks_read() -> None:
    """A block in which one task reads another makes that other's lower layers reachable."""

    class Peek(SharedLayers):
        """The relation stream is the sum of both streams."""

        @property
        def reads(self) -> dict[str, frozenset[str]]:
            return {
                "entity": frozenset({"entity"}),
                "relation": frozenset({"entity", "relation"}),
            }

        def forward(self, streams: Streams) -> Streams:
            total = streams["entity"] + streams["relation"]
            return Streams({"entity": streams["entity"], "relation": total}, streams.mask)

    own = {"entity": 1, "relation": 1}
    below = depth(GRU, input_dim=DIM, shared=0, own=own)
    stack = Stack([below, Peek(GRU, input_dims=below.output_dims, num_layers=0)])
    names = {name for name, _ in stack.named_parameters()}
    assert stack.reached_by("relation") == names
    assert stack.reached_by("entity") == {name for name in names if "stacks.entity" in name}
    for task in stack.tasks:
        stack.zero_grad(set_to_none=True)
        stack(Streams.tied(*inputs(), stack.tasks))[task].square().sum().backward()
        found = {name for name, p in stack.named_parameters() if p.grad is not None}
        assert found == stack.reached_by(task)


class Crossing(SharingBlock):
    """A layer of each task whose output every task reads: what context exchange does."""

    def __init__(self, dims: Mapping[str, int]) -> None:
        super().__init__()
        self.tasks, self.output_dims = tuple(dims), dims
        self.layers = nn.ModuleDict({task: nn.Linear(dim, dim) for task, dim in dims.items()})

    def forward(self, streams: Streams) -> Streams:
        total = torch.stack([self.layers[task](streams[task]) for task in self.tasks]).sum(0)
        return Streams({task: total + streams[task] for task in self.tasks}, streams.mask)

    def owners(self, parameter: str) -> frozenset[str]:
        return frozenset({parameter.split(".")[1]})

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        return dict.fromkeys(self.tasks, frozenset(self.tasks))


def test_tasks_that_read_each_other_are_reached_below_the_exchange_and_not_above_it() -> None:
    dims, one_each = {"entity": DIM, "relation": DIM}, {"entity": 1, "relation": 1}
    below, above = (OwnLayers(GRU, input_dims=dims, num_layers=one_each) for _ in range(2))
    stack = Stack([below, Crossing(dims), above])
    for task, other in (("entity", "relation"), ("relation", "entity")):
        stack.zero_grad(set_to_none=True)
        stack(Streams.tied(*inputs(), stack.tasks))[task].square().sum().backward()
        assert reached(stack) == stack.reached_by(task)
        assert any(name.startswith(f"blocks.0.stacks.{other}") for name in reached(stack))
        assert not any(name.startswith(f"blocks.2.stacks.{other}") for name in reached(stack))
