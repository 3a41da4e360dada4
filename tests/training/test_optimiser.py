from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from tests.networks import ENCODERS, pretrained, tiny_config, tiny_model
from torch import nn
from torch.optim import AdamW

from dovetail.config import TrainingConfig
from dovetail.training.optimiser import build_optimiser, build_schedule


def rates(config: TrainingConfig, total_steps: int) -> list[float]:
    """The rate of every step, and the one after the last."""
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = AdamW([parameter], lr=config.learning_rate)
    schedule = build_schedule(optimiser, config, total_steps=total_steps)
    found = []
    for _ in range(total_steps):
        found.append(float(schedule.get_last_lr()[0]))
        optimiser.step()
        schedule.step()
    return [*found, float(schedule.get_last_lr()[0])]


def test_rate_rises_linearly_and_falls_linearly_to_zero() -> None:
    config = TrainingConfig(learning_rate=1.0, warmup_fraction=0.25, decay="linear")
    assert rates(config, 8) == pytest.approx([1 / 2, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0])


def test_rate_falls_along_half_a_cosine() -> None:
    config = TrainingConfig(learning_rate=1.0, warmup_fraction=0.0, decay="cosine")
    expected = [(1 + math.cos(math.pi * step / 10)) / 2 for step in range(11)]
    assert rates(config, 10) == pytest.approx(expected)


def test_rate_stays_if_it_shall() -> None:
    config = TrainingConfig(learning_rate=0.5, warmup_fraction=0.0, decay="constant")
    assert rates(config, 4) == [0.5] * 5


@pytest.mark.parametrize("decay", ["linear", "cosine", "constant"])
def test_rate_goes_on_where_it_stopped(decay: str) -> None:
    config = TrainingConfig.model_validate({"decay": decay, "warmup_fraction": 0.3})
    whole = rates(config, 10)
    for done in range(11):
        optimiser = AdamW([nn.Parameter(torch.zeros(1))], lr=config.learning_rate)
        schedule = build_schedule(optimiser, config, total_steps=10, steps_done=done)
        assert schedule.get_last_lr() == [whole[done]]
        assert optimiser.param_groups[0]["lr"] == whole[done]


@pytest.mark.parametrize("decay", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("total_steps", [1, 2, 7, 50])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 1.0])
def test_rate_is_never_zero_before_the_end_nor_above_the_highest(
    decay: str, total_steps: int, warmup: float
) -> None:
    config = TrainingConfig.model_validate({"warmup_fraction": warmup, "decay": decay})
    found = rates(config, total_steps)[:-1]
    assert all(0 < rate <= config.learning_rate for rate in found)


def test_frozen_parameters_are_not_in_the_optimiser(pretrained_folder: Path) -> None:
    model = tiny_model(tiny_config(encoders=(pretrained(pretrained_folder), *ENCODERS)))
    optimiser = build_optimiser(model.named_parameters(), TrainingConfig())
    held = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        assert (id(parameter) in held) == (".transformer." not in name)


def test_trained_layers_have_a_rate_of_their_own_and_vectors_do_not_decay(
    pretrained_folder: Path,
) -> None:
    model = tiny_model(
        tiny_config(encoders=(pretrained(pretrained_folder, trained_layers=1), *ENCODERS))
    )
    config = TrainingConfig(learning_rate=1e-2, encoder_learning_rate=1e-4, weight_decay=0.1)
    optimiser = build_optimiser(
        model.trainable_parameters(), config, layers_above=model.layers_above
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    seen = []
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            seen.append(name)
            assert group["lr"] == (1e-4 if ".transformer." in name else 1e-2)
            assert group["weight_decay"] == (0.1 if parameter.dim() > 1 else 0.0)
    assert sorted(seen) == sorted(name for name, _ in model.trainable_parameters())


@pytest.mark.parametrize("kind", ["pretrained_folder", "mpnet_folder"])
@pytest.mark.parametrize("trained_layers", [2, "all"])
def test_each_layer_learns_slower_than_the_one_above_it(
    kind: str, trained_layers: int | str, request: pytest.FixtureRequest
) -> None:
    encoder = pretrained(request.getfixturevalue(kind), trained_layers=trained_layers)
    model = tiny_model(tiny_config(encoders=(*ENCODERS, encoder)))
    config = TrainingConfig(learning_rate=1e-2, encoder_learning_rate=1e-3, encoder_layer_decay=0.5)
    optimiser = build_optimiser(
        model.trainable_parameters(), config, layers_above=model.layers_above
    )
    rate_by_id = {
        id(parameter): group["lr"]
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    inside = {
        "layer.2.": 1e-3,
        "layer.1.": 1e-3 / 2,
        "layer.0.": 1e-3 / 4,
        ".embeddings.": 1e-3 / 8,
        ".relative_attention_bias.": 1e-3 / 8,  # of all layers of MPNet, the lowest among them
    }
    if kind == "pretrained_folder":
        del inside[".relative_attention_bias."]
    seen = set()
    for name, parameter in model.trainable_parameters():
        part = next((part for part in inside if ".transformer." in name and part in name), "")
        assert rate_by_id[id(parameter)] == inside.get(part, 1e-2), name
        seen.add(part)
    assert seen == {*([*inside][:2] if trained_layers == 2 else inside), ""}


def test_of_the_layers_read_the_top_one_learns_fastest(mpnet_folder: Path) -> None:
    encoder = pretrained(mpnet_folder, trained_layers=1, layers_read=2)
    above = tiny_model(tiny_config(encoders=(*ENCODERS, encoder))).layers_above
    assert set(above.values()) == {0}
    assert len(above) == 16
    assert all(".layer.1." in name for name in above)
