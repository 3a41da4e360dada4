"""Gates: reductions to hard sharing and to independent stacks, pruning, budgets, the mixture."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import pytest
import torch
from tests.networks import layer_factory
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from dovetail.layers.kept_units import KeptUnits
from dovetail.strategies.gates.block import Budget, GatedLayers, gated
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.stacks import OwnLayers, SharedLayers
from dovetail.strategies.streams import Streams

DIM, HIDDEN_DIM = 5, 4
UNITS = 2 * HIDDEN_DIM
TASKS = ("entity", "relation")

CELLS = ["gru", "lstm", "transformer"]


def opened(*places: int) -> Tensor:
    return torch.isin(torch.arange(UNITS), torch.tensor(places, dtype=torch.int64))


def all_open(value: bool) -> Tensor:
    return torch.full((UNITS,), value)


def block_of(
    cell: str, own: Sequence[Mapping[str, Tensor]], *, learned: bool = False, **settings: bool
) -> GatedLayers:
    """For each layer the units that are a task's own."""
    torch.manual_seed(0)
    gates = [
        {task: Gate(2 * units.float() - 1, UNITS, learned=learned) for task, units in layer.items()}
        for layer in own
    ]
    return gated(layer_factory(cell, HIDDEN_DIM), input_dim=DIM, gates=gates, **settings)


def streams_of(block: GatedLayers, dtype: torch.dtype = torch.float32) -> Streams:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(2, 4, DIM, generator=generator).to(dtype)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    return block(Streams.tied(tokens, mask, block.tasks))


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def spread(layers: int, tasks: int = 2) -> list[dict[str, Tensor]]:
    """Own units in both directions, some of them of all tasks, and differently many."""
    names = (*TASKS, "coreference")[:tasks]
    places = ((0, 1, 5), (1, 2, 5, 6, 7), (1, 3, 5))
    return [
        {task: opened(*own).roll(layer) for task, own in zip(names, places, strict=False)}
        for layer in range(layers)
    ]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("tasks", [TASKS, ("a", "b", "c")])
def test_all_closed_is_hard_sharing_bit_for_bit(
    cell: str, learned: bool, tasks: tuple[str, ...]
) -> None:
    block = block_of(cell, [dict.fromkeys(tasks, all_open(False))] * 2, learned=learned)
    block.hold(False)
    with torch.no_grad():
        for layer in block.layers:
            for mixture in layer.mixture.values():
                mixture.normal_()
    hard = SharedLayers(
        layer_factory(cell, HIDDEN_DIM), input_dims=dict.fromkeys(tasks, DIM), num_layers=2
    )
    for layer, other in zip(block.layers, hard.stack.layers, strict=True):
        other.load_state_dict(layer.shared.state_dict())
    found, expected = streams_of(block), streams_of(hard)  # type: ignore[arg-type]
    for task in tasks:
        assert torch.equal(found[task], expected[task])
        assert found[task] is found[tasks[0]]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("learned", [True, False])
def test_all_open_are_independent_stacks_bit_for_bit(cell: str, learned: bool) -> None:
    block = block_of(cell, [dict.fromkeys(TASKS, all_open(True))] * 2, learned=learned)
    apart = OwnLayers(
        layer_factory(cell, HIDDEN_DIM),
        input_dims=dict.fromkeys(TASKS, DIM),
        num_layers=dict.fromkeys(TASKS, 2),
    )
    for task, stack in apart.stacks.items():
        for layer, other in zip(block.layers, stack.layers, strict=True):
            other.load_state_dict(layer.own[task].state_dict())
    found, expected = streams_of(block), streams_of(apart)  # type: ignore[arg-type]
    for task in TASKS:
        assert torch.equal(found[task], expected[task])
    assert size(block.finalize()) == size(apart)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("tasks", [2, 3])
@pytest.mark.parametrize("normalise", [True, False])
def test_pruning_changes_nothing_that_is_read(cell: str, tasks: int, normalise: bool) -> None:
    block = block_of(cell, spread(2, tasks), learned=True, normalise=normalise).double().eval()
    with torch.no_grad():
        for name, parameter in block.named_parameters():
            if "mixture" in name:
                parameter.normal_()
    final = block.finalize()
    before, after = streams_of(block, torch.float64), streams_of(final, torch.float64)
    for task in block.tasks:
        difference = (before[task] - after[task])[before.mask].abs().max()
        assert difference < 1e-14
    assert final.assets() == block.assets() == final.finalize().assets()
    assert size(final.finalize()) == size(final)


def test_units_cannot_be_removed_as_long_as_others_read_them_through_the_recurrence() -> None:
    """What the mask of the recurrent weights is for: without it pruning would not be exact."""
    (layer,) = block_of("lstm", spread(1)).layers
    tokens, mask = torch.randn(2, 4, DIM), torch.ones(2, 4).bool()
    kept = layer.open_units()["relation"]
    whole, smaller = layer.own["relation"], KeptUnits(layer.own["relation"], kept)  # type: ignore[arg-type]
    difference = (whole(tokens, mask) - smaller(tokens, mask))[..., kept].abs().max()
    assert difference > 1e-3


@pytest.mark.parametrize(("cell", "parts"), [("lstm", 4), ("gru", 3)])
@pytest.mark.parametrize("tasks", [2, 3])
def test_count_of_what_is_left_is_the_formula(cell: str, parts: int, tasks: int) -> None:
    own = spread(2, tasks)
    final = block_of(cell, own).finalize()
    expected = 0
    for layer, width in zip(own, (DIM, UNITS), strict=True):
        shared = ~torch.stack([*layer.values()]).all(0)
        for kept in (*layer.values(), shared):
            for half in kept.chunk(2):
                k = int(half.sum())
                expected += parts * k * (width + k + 2)
    expected += tasks * UNITS  # the mixture below the second layer
    assert size(final) == expected


def test_what_nobody_reads_is_not_there() -> None:
    own = [
        {"entity": all_open(True), "relation": all_open(False)},
        {"entity": all_open(True), "relation": all_open(True)},
    ]
    block = block_of("gru", own)
    final = block.finalize()
    names = {name.rsplit(".", 2)[0] for name, _ in final.named_parameters()}
    assert names == {
        "blocks.0.shared",
        "blocks.0.own.entity",
        "blocks.1.own.entity",
        "blocks.1.own.relation",
    }
    for task in TASKS:
        torch.testing.assert_close(streams_of(block)[task], streams_of(final)[task])


def test_a_direction_without_units_is_left_out() -> None:
    final = block_of("gru", [{"entity": opened(1), "relation": opened(6, 7)}]).finalize()
    (layer,) = final.layers
    entity, relation = layer.own["entity"], layer.own["relation"]
    assert isinstance(entity, KeptUnits)
    assert isinstance(relation, KeptUnits)
    assert ([*entity.directions], [*relation.directions]) == (["forwards"], ["backwards"])


def test_finalised_block_can_be_built_from_its_assets() -> None:
    block = block_of("lstm", spread(3), learned=True)
    own = [
        {task: opened(*places) for task, places in by_task.items()}
        for by_task in block.assets()["own_units"]
    ]
    final = block.finalize()
    again = block_of("lstm", own).finalize()
    again.load_state_dict(final.state_dict())
    for task in TASKS:
        assert torch.equal(streams_of(final)[task], streams_of(again)[task])


def test_gradient_of_a_gate_goes_straight_through_the_rounding() -> None:
    gate = Gate(torch.tensor([-2.0, -0.1, 0.0, 3.0]), 4, learned=True)
    assert gate().tolist() == [0, 0, 1, 1]
    values = torch.randn(4)
    (values * gate()).sum().backward()
    soft = torch.tensor([-2.0, -0.1, 0.0, 3.0]).sigmoid()
    # Ten times, because a gate learns a tenth of the number that it stands for.
    torch.testing.assert_close(gate.scores.grad, 10 * values * soft * (1 - soft))


def test_one_gate_for_a_layer_opens_all_of_its_units() -> None:
    gate = Gate.learned(UNITS, each=False)
    assert gate.scores.numel() == 1
    assert gate().tolist() in ([0.0] * UNITS, [1.0] * UNITS)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_random_gates_open_the_share_and_are_not_learned(share: float) -> None:
    gate = Gate.random([UNITS], share)
    assert gate().sum() == share * UNITS
    assert not [*gate.parameters()]


def test_shares_of_a_mixture_sum_to_one_and_mix_unit_by_unit() -> None:
    block = block_of("gru", spread(2, 3), learned=True)
    _, layer = block.layers
    with torch.no_grad():
        for mixture in layer.mixture.values():
            mixture.normal_()
    shares = layer.mixture_weights()
    torch.testing.assert_close(shares.sum(0), torch.ones(UNITS))
    features = {task: torch.randn(1, 3, UNITS) for task in block.tasks}
    mixed = layer.mixed(Streams(features, torch.ones(1, 3).bool()))
    by_hand = torch.zeros(1, 3, UNITS)
    for share, task in zip(shares, block.tasks, strict=True):
        by_hand += share * features[task]
    torch.testing.assert_close(mixed, by_hand)


def test_streams_that_are_not_tied_need_a_mixture() -> None:
    first, _ = block_of("gru", spread(2)).layers
    features = {task: torch.randn(1, 3, DIM) for task in TASKS}
    with pytest.raises(ValueError, match="expected tied streams"):
        first(Streams(features, torch.ones(1, 3).bool()))


@pytest.mark.parametrize("detach", [True, False])
def test_the_other_tasks_layers_are_reached_below_the_last_unless_the_mixture_is_detached(
    detach: bool,
) -> None:
    block = block_of("gru", spread(3), learned=True, detach=detach)
    streams = streams_of(block)
    streams["entity"][streams.mask].square().sum().backward()
    reached = {
        int(name.split(".")[1])
        for name, parameter in block.named_parameters()
        if ".own.relation." in name and parameter.grad is not None and parameter.grad.any()
    }
    assert reached == (set() if detach else {0, 1})


def test_normalised_values_have_mean_0_and_variance_1() -> None:
    plain, normalised = (block_of("gru", spread(1), normalise=on) for on in (False, True))
    for task in TASKS:
        expected = layer_norm(streams_of(plain)[task], (UNITS,))
        torch.testing.assert_close(streams_of(normalised)[task], expected)


def test_tasks_layers_start_as_copies_of_the_shared_ones() -> None:
    block = block_of("lstm", spread(2), learned=True)
    block.hold(False)
    assert not any(units.any() for layer in block.layers for units in layer.open_units().values())
    before = streams_of(block)
    block.hold(None)
    block.branch_off()
    for layer, own in zip(block.layers, spread(2), strict=True):
        for task in TASKS:
            assert torch.equal(layer.open_units()[task], own[task])
            for name, parameter in layer.own[task].named_parameters():
                assert torch.equal(parameter, layer.shared.get_parameter(name))
                assert parameter is not layer.shared.get_parameter(name)
    # Where nothing is masked, copies in place of the shared layer say the same.
    for layer in block.layers:
        layer.gates = nn.ModuleDict({task: Gate.fixed(all_open(True)) for task in TASKS})
    after = streams_of(block)
    for task in TASKS:
        torch.testing.assert_close(before[task], after[task])


def test_penalty_is_the_share_of_own_units_beyond_the_budget() -> None:
    block = block_of("gru", spread(2), learned=True)  # 3 and 5 units of 8 in each layer
    block.budget = Budget({"entity": 0.125, "relation": 0.75}, 3.0)
    assert [block.open_share(task).item() for task in TASKS] == [3 / 8, 5 / 8]
    found = block.penalties()
    assert {name: penalty.item() for name, penalty in found.items()} == {
        "gates_entity": 3.0 / 2 * (3 / 8 - 1 / 8),
        "gates_relation": 0.0,
    }
    found["gates_entity"].backward()
    for layer in block.layers:
        assert (layer.gates["entity"].scores.grad > 0).all()
        assert layer.gates["relation"].scores.grad is None
    block.hold(False)
    assert not any(penalty.item() for penalty in block.penalties().values())
    assert not block_of("gru", spread(2)).penalties()


def learned_share(budget: float, weight: float) -> float:
    """The share of own units of a toy: unit j gains j/n where it is own; three quarters gain."""
    units = 64
    gate = Gate(torch.full((units,), 0.2), units, learned=True)
    gains = torch.linspace(-0.25, 0.75, units)
    optimiser = torch.optim.Adam(gate.parameters(), lr=0.01)
    for _ in range(300):
        price = weight * torch.relu(gate().mean() - budget)
        optimiser.zero_grad()
        (price - (gains * gate()).mean()).backward()
        optimiser.step()
    return float(gate().mean().item())


def test_own_units_do_not_grow_with_the_weight_and_saturate_at_the_budget() -> None:
    shares = [learned_share(0.25, weight) for weight in (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)]
    # At the budget a unit may come and go.
    assert all(more >= fewer - 1 / 64 for more, fewer in itertools.pairwise(shares))
    assert shares[0] == pytest.approx(0.75, abs=1 / 64)
    assert shares[-1] == pytest.approx(0.25, abs=1 / 64)


def test_own_units_grow_with_the_budget() -> None:
    shares = [learned_share(budget, 5.0) for budget in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] < 0.05
    assert shares[-1] == pytest.approx(0.75, abs=0.02)
