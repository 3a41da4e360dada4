"""Agreement of gradients, against gradients that backward passes leave."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.corpus import TRAIN
from tests.networks import batch_of, tiny_config, tiny_model
from torch.nn.functional import cosine_similarity

from dovetail.config import with_changes
from dovetail.lab.advice.agreement import (
    ENCODERS,
    Agreement,
    agreement_in,
    agreement_on,
    gradient_agreement,
    shared_layers,
)
from dovetail.model.joint import JointModel
from dovetail.running.steps import result_of
from dovetail.saved.model_folder import load_model
from dovetail.strategies import BottomSharingConfig, DepthSharingConfig
from dovetail.strategies.objective import Outputs
from dovetail.tensors.features import Batch
from dovetail.text.named_schemas import ONLY
from dovetail.training.job import Job
from dovetail.training.preparation import prepare_one

SHARED = DepthSharingConfig(
    hidden_dim=6, dropout=0.3, shared_layers=2, entity_layers=1, relation_layers=0
)


class Twofold(JointModel):
    """A model whose second task has the loss of the first, times a factor."""

    factor = 1.0

    def outputs(self, batch: Batch) -> Outputs:
        outputs = super().outputs(batch)
        entity = outputs.losses["entity"]
        return outputs._replace(losses={"entity": entity, "relation": self.factor * entity})


def shared_model() -> JointModel:
    return tiny_model(tiny_config(sharing=SHARED), sentences=TRAIN)


def batches(model: JointModel) -> list[list[Batch]]:
    return [[batch_of(TRAIN[start : start + 5], model)] for start in range(0, 20, 5)]


def between(found: list[Agreement], one: str, other: str) -> dict[str, Agreement]:
    return {own.layer: own for own in found if {own.one, own.other} == {one, other}}


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0, -0.5])
def test_equal_tasks_agree_and_opposite_ones_do_not(factor: float) -> None:
    own = shared_model()
    model = Twofold(encoder=own.encoder, sharing=own.sharing, heads=[*own.heads.values()])
    model.factor = factor
    found = between(gradient_agreement(model, batches(model)), "entity", "relation")
    assert {*found} == {ENCODERS, "shared layer 1", "shared layer 2"}
    for agreement in found.values():
        assert agreement.mean == pytest.approx(1.0 if factor > 0 else -1.0, abs=1e-5)
        assert agreement.spread == pytest.approx(0, abs=1e-5)
        assert agreement.batches == 4


def test_cosines_are_those_of_the_gradients_of_each_loss() -> None:
    model = shared_model()
    rounds = batches(model)
    found = gradient_agreement(model, rounds)
    model.eval()  # without dropout, as the function has it
    layers = shared_layers(model)
    gradients = list(restated(model, [batch for own in rounds for batch in own], layers))
    for layer in layers:
        cosines = [
            float(cosine_similarity(own["entity", layer], own["relation", layer], dim=0))
            for own in gradients
        ]
        agreement = between(found, "entity", "relation")[layer]
        assert agreement.mean == pytest.approx(sum(cosines) / 4, abs=1e-4)
        assert agreement.spread == pytest.approx(float(torch.tensor(cosines).std()), abs=1e-4)
        for task in ("entity", "relation"):
            alone = [
                float(cosine_similarity(one[task, layer], two[task, layer], dim=0))
                for one, two in itertools.pairwise(gradients)
            ]
            itself = between(found, task, task)[layer]
            assert itself.mean == pytest.approx(sum(alone) / 3, abs=1e-4)
            assert itself.batches == 3


def restated(
    model: JointModel, rounds: list[Batch], layers: dict[str, list[str]]
) -> Iterator[dict[tuple[str, str], torch.Tensor]]:
    """The gradients by a backward pass for each loss."""
    for batch in rounds:
        own = {}
        for task in ("entity", "relation"):
            model.zero_grad(set_to_none=True)
            model.outputs(batch).losses[task].backward()
            for layer, names in layers.items():
                parts = [model.get_parameter(name) for name in names]
                gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parts]
                own[task, layer] = torch.cat([gradient.flatten() for gradient in gradients])
        yield own


def test_model_is_left_as_it_was() -> None:
    model = shared_model().eval()
    before = {name: own.clone() for name, own in model.state_dict().items()}
    gradient_agreement(model, batches(model))
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], own) for name, own in model.state_dict().items())


def test_layers_of_one_task_are_not_shared() -> None:
    model = shared_model()
    for name in (name for own in shared_layers(model).values() for name in own):
        assert name.startswith(("encoder.", "sharing.blocks.0."))
    above = BottomSharingConfig(hidden_dim=6, entity_layers=1, relation_layers=1, shared_layers=1)
    layers = shared_layers(tiny_model(tiny_config(sharing=above), sentences=TRAIN))
    assert {*layers} == {ENCODERS, "shared layer 1"}
    separate = DepthSharingConfig(hidden_dim=6, shared_layers=0, relation_layers=1)
    assert {*shared_layers(tiny_model(tiny_config(sharing=separate), sentences=TRAIN))} == {
        ENCODERS
    }


def test_tasks_of_several_corpora_are_compared_batch_with_batch(several: Job) -> None:
    small = several.with_config(with_changes(several.config, {"training.batch_size": 3}))
    loop = result_of(prepare_one(small))
    found = agreement_in(loop, rounds=3)
    pairs = {(own.one, own.other) for own in found if own.layer == ENCODERS}
    tasks = ("whole/entity", "whole/relation", "part/entity")
    assert {frozenset(pair) for pair in pairs} == {
        frozenset([one, other]) for one in tasks for other in tasks
    }
    assert all(own.batches == (3 if own.one != own.other else 2) for own in found)


def test_a_loaded_model_is_asked_on_sentences(trained_model: Path) -> None:
    model = load_model(trained_model).model
    found = agreement_on(model, {ONLY: TRAIN}, batch_size=5, rounds=3)
    assert {own.layer for own in found} == {ENCODERS, "shared layer 1"}
    assert all(-1 <= own.mean <= 1 and own.batches in (2, 3) for own in found)
    assert found == agreement_on(model, {ONLY: TRAIN}, batch_size=5, rounds=3)


def test_the_same_seed_gives_the_same_agreement(job: Job) -> None:
    loop = result_of(prepare_one(job))
    assert agreement_in(loop, seed=1) == agreement_in(loop, seed=1)
    assert agreement_in(loop, seed=1) != agreement_in(loop, seed=2)
