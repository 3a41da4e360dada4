"""Gates on heads and hidden units: reductions, exact pruning, its count, budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dovetail.config import parse_config
from dovetail.errors import ConfigError
from dovetail.layers.kept_groups import KeptGroups
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.transformer_layer import TransformerLayer
from dovetail.strategies import GatesSharingConfig
from dovetail.strategies.gates.block import Budget, GatedLayers, gated
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.gates.groups import GatedGroups
from dovetail.strategies.gates.layer import GatedLayer
from dovetail.strategies.gates.strategy import Gates
from dovetail.strategies.stacks import OwnLayers, SharedLayers
from dovetail.strategies.strategy import Ground
from dovetail.strategies.streams import Streams

DIM, WIDTH, HEADS = 5, 8, 4
HEAD = 4 * WIDTH * (WIDTH // HEADS) + 33
UNIT = 2 * WIDTH + 1
NAMES = ("entity", "relation", "coreference", "drugs/entity", "drugs/relation", "science/entity")


def make_layer(width: int) -> TransformerLayer:
    return TransformerLayer(input_dim=width, output_dim=WIDTH, num_heads=HEADS, dropout=0.2)


def sorts(place: int, dim: int = DIM) -> tuple[int, int, int]:
    return HEADS, 2 * WIDTH, WIDTH if place == 0 and dim != WIDTH else 0


def block_of(
    opened: Sequence[Mapping[str, Tensor]],
    *,
    dim: int = DIM,
    learned: bool = False,
    **settings: bool,
) -> GatedLayers:
    """For each layer the groups that are a task's own; nothing in it is zero, or alike."""
    torch.manual_seed(0)
    gates = [
        {task: Gate(2 * own.float() - 1, len(own), learned=learned) for task, own in layer.items()}
        for layer in opened
    ]
    block = gated(make_layer, input_dim=dim, gates=gates, kind=GatedGroups, **settings)
    with torch.no_grad():
        for name, parameter in block.named_parameters():
            if "gates" not in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return block.eval()


def drawn(seed: int, layers: int, tasks: int, dim: int = DIM) -> list[dict[str, Tensor]]:
    """Groups drawn with odds that differ by task, layer and sort: 0 and 1 are among them."""
    generator = torch.Generator().manual_seed(seed)

    def one(place: int) -> Tensor:
        odds = torch.tensor([0.0, 0.3, 0.5, 0.8, 1.0])
        shares = odds[torch.randint(5, (3,), generator=generator)]
        parts = zip(sorts(place, dim), shares, strict=True)
        return torch.cat([torch.rand(n, generator=generator) < share for n, share in parts])

    return [{task: one(place) for task in NAMES[:tasks]} for place in range(layers)]


def everywhere(value: bool, layers: int, tasks: int, dim: int = DIM) -> list[dict[str, Tensor]]:
    return [
        {task: torch.full((sum(sorts(place, dim)),), value) for task in NAMES[:tasks]}
        for place in range(layers)
    ]


def streams_of(block: Any, dim: int = DIM, dtype: torch.dtype = torch.float32) -> Streams:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(2, 4, dim, generator=generator).to(dtype)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    streams: Streams = block(Streams.tied(tokens, mask, block.tasks))
    return streams


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def size_of_kept(kept: Tensor, place: int, dim: int = DIM) -> int:
    """The formula for what is left of a network."""
    heads, units, channels = (int(own.sum()) for own in torch.split(kept, sorts(place, dim)))
    width = dim if place == 0 else WIDTH
    around = 3 * WIDTH * (bool(heads) + bool(units))
    return heads * HEAD + units * UNIT + channels * (width + 1) + around


@pytest.mark.parametrize("tasks", [2, 3, 6])
@pytest.mark.parametrize("dim", [DIM, WIDTH])
@pytest.mark.parametrize("learned", [True, False])
def test_all_closed_is_hard_sharing_bit_for_bit(tasks: int, dim: int, learned: bool) -> None:
    block = block_of(everywhere(False, 2, tasks, dim), dim=dim, learned=learned)
    block.hold(False)
    names = dict.fromkeys(NAMES[:tasks], dim)
    hard = SharedLayers(make_layer, input_dims=names, num_layers=2).eval()
    for layer, other in zip(block.layers, hard.stack.layers, strict=True):
        other.load_state_dict(layer.shared.state_dict())  # type: ignore[union-attr]
    for own in (block, block.finalize()):
        found, expected = streams_of(own, dim), streams_of(hard, dim)
        for task in block.tasks:
            assert torch.equal(found[task], expected[task])
            assert found[task] is found[block.tasks[0]]
    if not learned:
        assert size(block.finalize()) == size(hard) + tasks * WIDTH  # and the mixture


@pytest.mark.parametrize("tasks", [2, 3, 6])
@pytest.mark.parametrize("dim", [DIM, WIDTH])
@pytest.mark.parametrize("learned", [True, False])
def test_all_open_are_independent_stacks_bit_for_bit(tasks: int, dim: int, learned: bool) -> None:
    block = block_of(everywhere(True, 2, tasks, dim), dim=dim, learned=learned)
    names = NAMES[:tasks]
    apart = OwnLayers(
        make_layer, input_dims=dict.fromkeys(names, dim), num_layers=dict.fromkeys(names, 2)
    ).eval()
    for task, stack in apart.stacks.items():
        for layer, other in zip(block.layers, stack.layers, strict=True):
            other.load_state_dict(layer.own[task].state_dict())
    for own in (block, block.finalize()):
        found, expected = streams_of(own, dim), streams_of(apart, dim)
        for task in names:
            assert torch.equal(found[task], expected[task])
    assert size(block.finalize()) == size(apart)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("tasks", [2, 3, 6])
@pytest.mark.parametrize("dim", [DIM, WIDTH])
def test_pruning_changes_nothing_and_leaves_what_the_formula_says(
    seed: int, tasks: int, dim: int
) -> None:
    own = drawn(seed, 2, tasks, dim)
    settings = {"dim": dim, "learned": seed % 2 == 0, "normalise": seed % 3 == 0}
    block = block_of(own, **settings)  # type: ignore[arg-type]
    final = block.finalize()
    for dtype, limit in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        before = streams_of(block.to(dtype), dim, dtype)
        after = streams_of(final.to(dtype), dim, dtype)
        for task in block.tasks:
            difference = (before[task] - after[task])[before.mask].abs().max()
            assert difference < limit
    expected = 0
    for place, layer in enumerate(own):
        read = ~torch.stack([*layer.values()]).all(0)
        expected += sum(size_of_kept(kept, place, dim) for kept in (*layer.values(), read))
        expected += tasks * WIDTH * (place > 0 and bool(read.any()))
    assert size(final) == expected
    assert size(final.finalize()) == expected
    assert final.assets() == block.assets() == final.finalize().assets()


def test_a_closed_group_can_hold_anything() -> None:
    """Which is why it can be cut out: neither its own task nor another one sees it."""
    own = drawn(4, 2, 3)
    block, other = block_of(own), block_of(own)
    with torch.no_grad():
        for layer, opened in zip(other.layers, own, strict=True):
            for task, kept in opened.items():
                network = layer.own[task]
                heads, units, _ = torch.split(~kept, layer.numbers)  # type: ignore[arg-type]
                network.up.weight[units] = 100.0
                network.up.bias[units] = 100.0
                closed = heads.repeat_interleave(WIDTH // HEADS).repeat(3)
                network.queries_keys_values.weight[closed] = 100.0
    for task in block.tasks:
        assert torch.equal(streams_of(block)[task], streams_of(other)[task])


def test_without_a_gate_that_masks_them_units_could_not_be_removed() -> None:
    """What is read of the shared network decides what its own later parts read of it."""
    layer, _ = block_of(drawn(1, 2, 2)).layers
    tokens, mask = torch.randn(1, 3, DIM), torch.ones(1, 3).bool()
    whole = layer.shared
    assert isinstance(whole, TransformerLayer)
    kept = torch.ones(sum(sorts(0))).bool()
    kept[:2] = False
    smaller = KeptGroups(whole, kept)
    states = whole.entered(tokens)
    behind = states + whole.attended(whole.heads(states, mask))
    found = smaller.heads(states, mask)
    assert found is not None
    assert smaller.attended is not None
    masked = states + smaller.attended(found)
    assert (whole.units(behind) - whole.units(masked)).abs().max() > 1e-3


def test_each_sort_is_a_tasks_own_or_shared_by_itself() -> None:
    """Own heads and shared units are what both networks would give part by part."""
    heads, units, channels = sorts(0)
    own = torch.cat([torch.ones(heads), torch.zeros(units), torch.ones(channels)]).bool()
    block = block_of([{"entity": own, "relation": ~own}])
    (layer,) = block.layers
    mine, shared = layer.own["entity"], layer.shared
    assert isinstance(mine, TransformerLayer)
    assert isinstance(shared, TransformerLayer)
    found = streams_of(block)
    generator = torch.Generator().manual_seed(1)
    tokens, mask = torch.randn(2, 4, DIM, generator=generator), found.mask
    states = mine.entered(tokens)
    states = states + mine.attended(mine.heads(states, mask))
    theirs = shared.entered(tokens)
    theirs = theirs + shared.attended(shared.heads(theirs, mask))
    states = states + shared.down(shared.units(theirs))
    torch.testing.assert_close(found["entity"], states)


def test_a_budget_counts_the_parameters_of_groups() -> None:
    own = drawn(1, 2, 2)
    block = block_of(own, learned=True)
    block.budget = Budget({"entity": 0.1, "relation": 1.0}, 4.0)
    of_network = [
        [HEAD] * heads + [UNIT] * units + [DIM + 1] * channels
        for heads, units, channels in (sorts(0), sorts(1))
    ]
    every = sum(map(sum, of_network))
    for task in block.tasks:
        kept = sum(
            int((torch.tensor(sizes) * layer[task]).sum())
            for sizes, layer in zip(of_network, own, strict=True)
        )
        assert block.open_share(task).item() == pytest.approx(kept / every, rel=1e-6)
    whole = make_layer(DIM)
    assert size(whole) == sum(of_network[0]) + 6 * WIDTH  # norms and the biases behind both parts
    penalties = block.penalties()
    assert penalties["gates_entity"].item() == pytest.approx(
        2.0 * (block.open_share("entity").item() - 0.1), rel=1e-5
    )
    assert penalties["gates_relation"].item() == 0.0


def test_layers_that_are_no_transformers_or_have_other_groups_are_refused() -> None:
    gates = {"entity": Gate.fixed(torch.ones(7).bool())}
    with pytest.raises(ValueError, match="expected a gate of 28 groups for entity, found one of 7"):
        gated(make_layer, input_dim=DIM, gates=[gates], kind=GatedGroups)
    with pytest.raises(TypeError, match="expected a transformer layer"):
        gated(
            lambda width: BidirectionalLayer("gru", input_dim=width, hidden_dim=4),
            input_dim=DIM,
            gates=[gates],
            kind=GatedGroups,
        )
    with pytest.raises(ValueError, match="not normalised"):
        gated(
            lambda width: TransformerLayer(input_dim=width, output_dim=WIDTH, normalise=True),
            input_dim=DIM,
            gates=[gates],
            kind=GatedGroups,
        )


class Vectors:
    """Token vectors of a width, from nowhere."""

    output_dim = DIM

    def hand_on(self, count: int) -> list[Any]:
        raise AssertionError("gates copy no layers")


def built(ground: Ground | None = None, **settings: Any) -> GatedLayers:
    section = GatesSharingConfig(
        cell="transformer", hidden_dim=WIDTH // 2, attention_heads=HEADS, dropout=0.0, **settings
    )
    torch.manual_seed(0)
    block = Gates().build(section, ground or Ground(Vectors()))
    assert isinstance(block, GatedLayers)
    return block.eval()


@pytest.mark.parametrize("gates", ["learned", "random"])
@pytest.mark.parametrize("tasks", [2, 3, 6])
def test_the_section_gates_groups_and_the_final_form_is_built_again(gates: str, tasks: int) -> None:
    block = built(Ground(Vectors(), tasks=NAMES[:tasks]), gates=gates)
    assert all(type(layer) is GatedGroups for layer in block.layers)
    final = block.finalize()
    ground = Ground(Vectors(), tasks=NAMES[:tasks], chosen=final.assets())
    again = built(ground, gates=gates)
    again.load_state_dict(final.state_dict())
    for task in block.tasks:
        assert torch.equal(streams_of(final)[task], streams_of(again)[task])


def test_random_gates_own_the_budget_of_each_sort() -> None:
    block = built(gates="random", entity_budget=0.25, relation_budget=0.5)
    for layer, numbers in zip(block.layers, (sorts(0), sorts(1)), strict=True):
        for task, share in (("entity", 0.25), ("relation", 0.5)):
            opened = torch.split(layer.open_units()[task], numbers)
            assert [int(own.sum()) for own in opened] == [round(share * n) for n in numbers]


def test_one_gate_for_a_layer_opens_all_of_its_groups() -> None:
    block = built(granularity="layer")
    for layer in block.layers:
        assert isinstance(layer, GatedGroups)
        for opened in layer.open_units().values():
            assert opened.all() or not opened.any()


def test_outputs_can_be_gated_as_before() -> None:
    """And a model whose saved choice is one of outputs is built so, whatever its config says."""
    block = built(granularity="output")
    assert all(type(layer) is GatedLayer for layer in block.layers)
    final = block.finalize()
    again = built(Ground(Vectors(), chosen=final.assets()), granularity="unit")
    again.load_state_dict(final.state_dict())
    for task in block.tasks:
        assert torch.equal(streams_of(final)[task], streams_of(again)[task])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_outputs_of_recurrent_layers_are_their_units(cell: str) -> None:
    with pytest.raises(ConfigError, match='set granularity = "unit", or cell = "transformer"'):
        parse_config(
            {
                "name": "x",
                "data": {"train": "train.jsonl"},
                "sharing": {"kind": "gates", "cell": cell, "granularity": "output"},
            }
        )
