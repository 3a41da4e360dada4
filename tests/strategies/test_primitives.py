"""Routed blocks: reductions, who is reached by what, counts of parameters, frozen parts."""

from __future__ import annotations

import pytest
import torch
from tests.networks import tiny_config, tiny_model
from torch import Tensor, nn
from torch.optim import AdamW

from dovetail.layers.primitives import OPERATIONS, Primitives, Reservoir
from dovetail.strategies import PrimitivesSharingConfig
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.primitives.block import RoutedBlock, routed
from dovetail.strategies.streams import Streams

DIM, WIDTH, RESERVOIR = 5, 8, 3
TASKS = ("entity", "relation")


def block_of(fraction: float, *tasks: str, blocks: int = 2, trained: bool = False) -> SharingBlock:
    def make_block(width: int) -> RoutedBlock:
        layer = Reservoir(width, RESERVOIR, spectral_radius=0.9, trained=trained)
        primitives = Primitives([*OPERATIONS], input_dim=width, drawn=[(layer, 2 * RESERVOIR)])
        return RoutedBlock(
            tasks or TASKS, primitives, output_dim=WIDTH, shared_fraction=fraction, dropout=0.1
        )

    torch.manual_seed(0)
    return routed(make_block, input_dim=DIM, num_blocks=blocks)


def streams_of(block: SharingBlock) -> Streams:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(2, 4, DIM, generator=generator)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    return block(Streams.tied(tokens, mask, block.tasks))


def frozen_of(block: nn.Module) -> dict[str, Tensor]:
    return {
        name: parameter.detach().clone()
        for name, parameter in block.named_parameters()
        if ".primitives." in name
    }


def test_all_shared_keeps_the_tasks_tied() -> None:
    block = block_of(1.0)
    streams = streams_of(block)
    assert streams["entity"] is streams["relation"]
    assert not any(".own." in name for name, _ in block.named_parameters())


def test_all_own_are_networks_built_apart() -> None:
    block = block_of(0.0).eval()
    streams = streams_of(block)
    assert not any(".shared." in name for name, _ in block.named_parameters())
    for task in TASKS:
        alone = block_of(0.0, task).eval()
        state = {name: block.state_dict()[name] for name in alone.state_dict()}
        alone.load_state_dict(state)
        assert torch.equal(streams_of(alone)[task], streams[task])


@pytest.mark.parametrize("trained", [False, True])
def test_a_task_changes_nothing_of_another(trained: bool) -> None:
    block = block_of(0.5, trained=trained).eval()
    before = streams_of(block)
    before["relation"][before.mask].square().sum().backward()
    for name, parameter in block.named_parameters():
        if ".own.entity." in name:
            assert parameter.grad is None
            with torch.no_grad():
                parameter.add_(1.0)
    after = streams_of(block)
    assert torch.equal(after["relation"], before["relation"])
    assert not torch.equal(after["entity"], before["entity"])


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("tasks", [TASKS, ("a", "b", "c")])
def test_count_of_learned_parameters_is_the_formula(
    fraction: float, tasks: tuple[str, ...]
) -> None:
    block = block_of(fraction, *tasks)
    shared = round(fraction * WIDTH)
    columns = shared + len(tasks) * (WIDTH - shared)
    expected = 0
    for width in (DIM, WIDTH):
        of_primitives = len(OPERATIONS) * width + 2 * RESERVOIR
        expected += columns * (of_primitives + 3)  # a bias, and the norm's scale and shift
    learned = sum(p.numel() for p in block.parameters() if p.requires_grad)
    assert learned == expected


@pytest.mark.parametrize("trained", [False, True])
def test_steps_with_decay_leave_the_primitives_as_they_are_unless_trained(trained: bool) -> None:
    block = block_of(0.5, trained=trained)
    before = frozen_of(block)
    assert before
    optimiser = AdamW((p for p in block.parameters() if p.requires_grad), lr=0.1, weight_decay=0.5)
    for _ in range(2):
        optimiser.zero_grad()
        streams = streams_of(block)
        torch.stack([streams[task][streams.mask].square().sum() for task in TASKS]).sum().backward()
        optimiser.step()
    after = frozen_of(block)
    assert all(torch.equal(before[name], after[name]) != trained for name in before)


def test_config_names_the_primitives_and_the_widths() -> None:
    sharing = PrimitivesSharingConfig(
        primitives=("identity", "max_3", "noise", "reservoir"),
        blocks=2,
        projection_dim=7,
        hidden_dim=4,
        reservoir_dim=3,
        shared_fraction=0.25,
    )
    model = tiny_model(tiny_config(sharing=sharing))
    first, second = (part for part in model.sharing.modules() if isinstance(part, RoutedBlock))
    assert first.primitives.output_dim == 3 * 7 + 6
    assert second.primitives.output_dim == 3 * 8 + 6
    assert first.shared.linear.out_features == 2
    assert first.own["entity"].linear.out_features == 6
    assert model.sharing.output_dims == {"entity": 8, "relation": 8}
    trainable = {name for name, _ in model.trainable_parameters()}
    assert not any(".primitives." in name for name in trainable)


def test_without_a_projection_the_first_block_reads_the_encoders() -> None:
    sharing = PrimitivesSharingConfig(primitives=("identity",), projection_dim=0, hidden_dim=4)
    model = tiny_model(tiny_config(sharing=sharing))
    first = next(part for part in model.sharing.modules() if isinstance(part, RoutedBlock))
    assert first.primitives.output_dim == model.encoder.output_dim
