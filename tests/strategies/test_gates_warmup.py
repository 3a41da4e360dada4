"""Training with gates: first all units are shared, then the gates decide; then it is pruned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.corpus import SENTENCES
from tests.networks import batch_of, tiny_config, tiny_loop, tiny_model

from dovetail.config import Config
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies import GatesSharingConfig
from dovetail.strategies.gates.warmup import gated_layers
from dovetail.training import EpochResult
from dovetail.training.supervision import curriculum_of


def config_of(**sharing: Any) -> Config:
    settings = {"hidden_dim": 6, "dropout": 0.1, "warmup_epochs": 2, "entity_budget": 0.5}
    return tiny_config(
        sharing=GatesSharingConfig(**(settings | sharing)),
        training={"epochs": 2, "patience_epochs": 0},
    )


def trained(config: Config) -> JointModel:
    loop = tiny_loop(config)
    for _ in loop.run():
        pass
    loop.use_best()
    return loop.model.eval()


def parts_that_moved(before: dict[str, torch.Tensor], model: JointModel) -> set[str]:
    """The parts of the gated layers whose parameters are others than before."""
    return {
        name.split(".")[3]
        for name, parameter in model.named_parameters()
        if name.startswith("sharing.") and not torch.equal(parameter, before[name])
    }


@pytest.mark.parametrize("gates", ["learned", "random"])
def test_warmup_trains_what_is_shared_and_then_everything(gates: str) -> None:
    loop = tiny_loop(config_of(gates=gates))
    before = {name: p.detach().clone() for name, p in loop.model.named_parameters()}
    phases, losses = [], []
    for result in loop.run():
        if not isinstance(result, EpochResult):
            continue
        phases.append(result.phase)
        losses.append({name for name in result.losses if name.startswith("gates_")})
        if result.epoch == 2:
            assert parts_that_moved(before, loop.model) == {"shared"}
            batch = batch_of(SENTENCES, loop.model)
            streams = loop.model(batch)
            assert torch.equal(streams["entity"], streams["relation"])
    assert phases == ["shared", "shared", "joint", "joint"]
    moved = {"shared", "own", "mixture"} | ({"gates"} if gates == "learned" else set())
    assert parts_that_moved(before, loop.model) == moved
    expected = {"gates_entity", "gates_relation"} if gates == "learned" else set()
    assert all(found == expected for found in losses)


def test_without_a_warmup_there_is_one_phase() -> None:
    (phase,) = curriculum_of(config_of(warmup_epochs=0), steps_per_epoch=1)
    assert phase.name == "joint"


def test_training_that_goes_on_between_the_phases_ends_with_the_same_bits() -> None:
    config = config_of()
    whole, first, second = tiny_loop(config), tiny_loop(config), tiny_loop(config)
    for _ in whole.run():
        pass
    for result in first.run():
        if isinstance(result, EpochResult) and result.epoch == 2:
            break
    second.restore(first.checkpoint())
    for _ in second.run():
        pass
    ours, theirs = whole.model.stored_state(), second.model.stored_state()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("cell", ["gru", "lstm", "transformer"])
@pytest.mark.parametrize("gates", ["learned", "random"])
def test_saved_model_is_pruned_and_says_the_same(cell: str, gates: str, tmp_path: Path) -> None:
    config = config_of(cell=cell, gates=gates, normalise=True)
    model = trained(config)
    save_model(tmp_path / "model", model, config)
    saved = load_model(tmp_path / "model").model
    batch = batch_of(SENTENCES, model)
    ours, theirs = model(batch), saved(batch)
    for task in model.sharing.tasks:
        torch.testing.assert_close(ours[task][batch.mask], theirs[task][batch.mask])
    stored = load_file(tmp_path / "model" / "weights.safetensors")
    assert stored.keys() == saved.stored_state().keys()
    if cell != "transformer":
        sizes = [sum(p.numel() for p in own.sharing.parameters()) for own in (saved, model)]
        assert sizes[0] < sizes[1]
    assert gated_layers(saved).assets() == gated_layers(model).assets()
    save_model(tmp_path / "again", saved, config)
    again = load_model(tmp_path / "again").model(batch)
    for task in model.sharing.tasks:
        assert torch.equal(theirs[task], again[task])


def test_other_layers_have_no_gates() -> None:
    with pytest.raises(TypeError, match="expected gated layers, found Stack"):
        gated_layers(tiny_model())
