"""The proximal step against its definition, and what it leaves of a network."""

from __future__ import annotations

import math

import pytest
import torch
from tests.corpus import DEV, TRAIN
from tests.networks import tiny_config, tiny_model
from torch import Tensor
from torch.optim import AdamW

from dovetail.layers.groups import groups_of, layers_with_groups
from dovetail.model.joint import JointModel
from dovetail.strategies import ProbeSharingConfig
from dovetail.strategies.probe.proximal import ProximalStep, shrunk
from dovetail.text.named_schemas import ONLY
from dovetail.training.dev_scores import DevSets
from dovetail.training.encoded_sentences import EncodedSentences
from dovetail.training.loop import Loop
from dovetail.training.supervision import curriculum_of


def drawn(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Groups of unequal lengths, and a metric that differs from number to number."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(40, 9, generator=generator, dtype=torch.float64)
    values = values * torch.logspace(-2, 2, 40, dtype=torch.float64).unsqueeze(1)
    metric = torch.rand(40, 9, generator=generator, dtype=torch.float64) * 3 + 1e-3
    return values, metric


def test_in_a_plain_metric_a_group_shrinks_by_the_closed_form() -> None:
    values, _ = drawn()
    metric, threshold = torch.full_like(values, 2.0), 3.0
    length = values.norm(dim=1, keepdim=True)
    expected = values * (1 - threshold / 2 / length).clamp(min=0)
    found = shrunk(values, metric, threshold)
    torch.testing.assert_close(found, expected)
    dead = (2 * length <= threshold).squeeze(1)
    assert 0 < dead.sum() < len(values)
    assert not found[dead].any()


@pytest.mark.parametrize("threshold", [1e-3, 0.5, 20.0])
def test_in_any_metric_the_result_is_the_minimum(threshold: float) -> None:
    """Zero is in the subgradient: d (w - u) + threshold w / |w| = 0, or |d u| <= threshold."""
    values, metric = drawn(1)
    found = shrunk(values, metric, threshold)
    alive = found.any(1)
    length = found.norm(dim=1, keepdim=True)
    gradient = metric * (found - values) + threshold * found / length
    assert gradient[alive].abs().max() < 1e-6 * max(1.0, threshold)
    assert torch.equal(alive, (metric * values).norm(dim=1) > threshold)


def trained(penalty: float, *, cell: str = "gru", epochs: int = 4) -> JointModel:
    """A tiny probe of the entity task."""
    sharing = ProbeSharingConfig(
        cell=cell, hidden_dim=4, attention_heads=4, dropout=0.0, layers=2, penalty=penalty
    )
    config = tiny_config(sharing=sharing, training={"epochs": epochs, "decay": "constant"})
    model = tiny_model(config, sentences=[*TRAIN, *DEV])
    loop = Loop(
        model,
        train=EncodedSentences(TRAIN),
        dev=DevSets({ONLY: EncodedSentences([])}),
        curriculum=curriculum_of(config, steps_per_epoch=1),
        config=config.training,
        seed=1,
    )
    for _ in loop.run():
        pass
    return model


def dead_groups(model: JointModel) -> int:
    layers = layers_with_groups(model.sharing)
    return sum(int((~own.alive()).sum()) for layer in layers for own in groups_of(layer))


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
def test_the_higher_the_penalty_the_more_groups_are_zero(cell: str) -> None:
    counts = [dead_groups(trained(penalty, cell=cell)) for penalty in (0.0, 0.03, 0.3, 100.0)]
    assert counts == sorted(counts)
    assert counts[0] == 0 < counts[-1]
    layers = layers_with_groups(trained(0.0, cell=cell, epochs=1).sharing)
    assert counts[-1] == sum(own.number for layer in layers for own in groups_of(layer))


def test_a_step_is_the_minimum_in_the_metric_of_the_optimiser() -> None:
    """Restated for one group from the moments that the optimiser keeps."""
    torch.manual_seed(0)
    config = tiny_config(sharing=ProbeSharingConfig(hidden_dim=3, layers=1, penalty=0.0))
    model = tiny_model(config)
    optimiser = AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-6)
    for _ in range(3):
        optimiser.zero_grad()
        sum(p.square().sum() for p in model.sharing.parameters()).backward()
        optimiser.step()
    (layer,) = layers_with_groups(model.sharing)
    groups = groups_of(layer)[0]
    before = groups.gather([p.detach() for p in groups.parameters])
    moments = [optimiser.state[p]["exp_avg_sq"] for p in groups.parameters]
    metric = (groups.gather(moments) / (1 - 0.99**3)).sqrt() + 1e-6
    with torch.no_grad():
        ProximalStep(0.5)(model, optimiser)
    threshold = 1e-2 * 0.5 * math.sqrt(before.shape[1])
    after = groups.gather([p.detach() for p in groups.parameters])
    assert torch.equal(after, shrunk(before, metric, threshold))


def test_groups_that_are_dead_lose_their_momentum() -> None:
    torch.manual_seed(0)
    model = tiny_model(tiny_config(sharing=ProbeSharingConfig(hidden_dim=3, layers=1)))
    optimiser = AdamW(model.parameters(), lr=1e-2)
    sum(p.square().sum() for p in model.sharing.parameters()).backward()
    optimiser.step()
    with torch.no_grad():
        ProximalStep(1e9)(model, optimiser)
    (layer,) = layers_with_groups(model.sharing)
    for groups in groups_of(layer):
        assert not groups.alive().any()
        assert not any(optimiser.state[p]["exp_avg"].any() for p in groups.parameters)
