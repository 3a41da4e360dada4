"""The game of SemiMTL: who learns from whom, when, and what of it remains."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.corpus import TRAIN
from tests.networks import batch_of, talkative_model, tiny_config
from torch import Tensor

from dovetail.config import Config, SpanEntityHeadConfig
from dovetail.couplings import AdversarialCouplingConfig
from dovetail.couplings.adversarial.coupling import Adversarial
from dovetail.couplings.adversarial.discriminator import FeatureDiscriminator, OutputDiscriminator
from dovetail.couplings.adversarial.network import Convolutions
from dovetail.couplings.adversarial.objective import AdversarialObjective
from dovetail.couplings.coupling import CouplingGround, Domain
from dovetail.errors import TrainingError
from dovetail.heads.parts import HeadParts
from dovetail.model.joint import JointModel
from dovetail.running.steps import result_of
from dovetail.strategies.objective import Outputs
from dovetail.tensors.features import Batch
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.training import EpochResult, training_events
from dovetail.training.checkpoint import Checkpoint
from dovetail.training.job import Job
from dovetail.training.loop import Loop
from dovetail.training.opponents import Opponents
from dovetail.training.pools import for_tasks
from dovetail.training.preparation import prepare_one

LEVELS = ("outputs", "features", "both")


def section_of(**fields: object) -> AdversarialCouplingConfig:
    return AdversarialCouplingConfig.model_validate({"kind": "adversarial", **fields})


@pytest.fixture(params=["crf", "span"])
def model(request: pytest.FixtureRequest) -> JointModel:
    head = SpanEntityHeadConfig(hidden_dim=8, max_width=4) if request.param == "span" else None
    return talkative_model(tiny_config(entity_head=head))


def domains_of(*tasks: Sequence[str], sentences: Sequence[Sentence] = TRAIN) -> tuple[Domain, ...]:
    """Equal sentences in domains that are annotated for some tasks each."""
    return tuple(
        Domain(f"domain-{place}", tuple(for_tasks(sentence, own) for sentence in sentences))
        for place, own in enumerate(tasks)
    )


HALVES = domains_of((ENTITY_TASK,), (RELATION_TASK,))


def ground_of(model: JointModel, domains: tuple[Domain, ...] = HALVES) -> CouplingGround:
    return CouplingGround(
        schemas={ONLY: model.schema},
        domains=domains,
        heads={ONLY: HeadParts(model.entity_head, model.relation_head)},
        output_dims=model.sharing.output_dims,
        learned=frozenset(TASKS),
        steps_per_epoch=5,
        seed=1,
    )


def objective_of(
    model: JointModel, domains: tuple[Domain, ...] = HALVES, **fields: object
) -> AdversarialObjective:
    section = section_of(**{"weight": 1.0, "warmup_epochs": 0, **fields})
    (objective,) = Adversarial().objectives(section, ground_of(model, domains))
    assert isinstance(objective, AdversarialObjective)
    return objective


def output_discriminator(model: JointModel, task: str, **fields: object) -> OutputDiscriminator:
    for own in objective_of(model, **fields).discriminators.all:
        if isinstance(own, OutputDiscriminator) and own.task == task:
            return own
    raise AssertionError(f"there is no discriminator for {task}")


def mixed(model: JointModel, number: int = 4) -> Batch:
    """A batch of sentences of both halves, in turn."""
    sentences = [own.sentences[place] for place in range(number) for own in HALVES]
    return replace(batch_of(sentences, model), domains=torch.tensor([0, 1] * number))


def alone(batch: Batch, row: int, model: JointModel) -> Batch:
    assert batch.domains is not None
    own = batch_of([batch.sentences[row]], model)
    return replace(own, domains=batch.domains[row : row + 1])


@pytest.mark.parametrize("level", LEVELS)
def test_a_step_of_the_discriminator_leaves_no_gradient_on_the_model_and_the_reverse(
    model: JointModel, level: str
) -> None:
    """(a)"""
    objective = objective_of(model, level=level)
    opponents = Opponents([objective])
    batch = mixed(model)
    before = copy.deepcopy(model.state_dict())
    outputs = model.outputs(batch)
    losses = opponents.learn(outputs, batch)
    assert losses["discriminator"] > 0
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], own) for name, own in model.state_dict().items())
    learned = copy.deepcopy(objective.state_dict())
    sum(objective(outputs, batch, 0).values(), torch.zeros(())).backward()
    assert any(own.grad is not None and own.grad.any() for own in model.parameters())
    assert all(parameter.grad is None for parameter in objective.parameters())
    assert all(torch.equal(learned[name], own) for name, own in objective.state_dict().items())


def test_a_step_of_the_discriminator_lowers_its_loss(model: JointModel) -> None:
    objective = objective_of(model, level="both", learning_rate=1e-3)
    opponents, batch = Opponents([objective]), mixed(model)
    outputs = model.outputs(batch)
    losses = [opponents.learn(outputs, batch)["discriminator"] for _ in range(150)]
    assert losses[-1] < losses[0]


def test_the_model_learns_to_fool_the_discriminator(model: JointModel) -> None:
    """Against a discriminator that stands still, unlabelled sentences pass ever better."""
    objective = objective_of(model)
    Opponents([objective])  # which lets it stand still
    batch, optimiser = mixed(model), torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(15):
        loss = objective(model.outputs(batch), batch, 0)["adversarial"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("task", TASKS)
def test_without_a_task_s_labels_its_own_loss_is_zero(model: JointModel, task: str) -> None:
    """(c)"""
    (other,) = {*TASKS} - {task}
    unlabelled = [for_tasks(sentence, (other,)) for sentence in TRAIN[:6]]
    assert model.outputs(batch_of(unlabelled, model)).losses[task].item() == 0.0


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("layers", [2, 3])
def test_padding_changes_no_decision(model: JointModel, task: str, layers: int) -> None:
    """(d)"""
    discriminator = output_discriminator(model, task, layers=layers).eval()
    batch = mixed(model)
    together, mask = discriminator.passes(model.outputs(batch), batch)
    for row in range(len(batch.sentences)):
        own = alone(batch, row, model)
        passing, inside = discriminator.passes(model.outputs(own), own)
        torch.testing.assert_close(together[row][mask[row]], passing[0][inside[0]])


@pytest.mark.parametrize("axes", [1, 2])
def test_what_padding_holds_is_not_read(axes: Any) -> None:
    torch.manual_seed(0)
    network = Convolutions(axes, input_dim=3, hidden_dim=5, output_dim=4, layers=3).eval()
    shape = (2, *[6] * axes)
    values, mask = torch.randn(*shape, 3), torch.rand(shape) < 0.6
    other = torch.where(mask.unsqueeze(-1), values, torch.full_like(values, 1e6))
    assert torch.equal(network(values, mask)[mask], network(other, mask)[mask])


def accuracy(
    discriminator: OutputDiscriminator,
    model: JointModel,
    told: Callable[[Outputs, Batch], Outputs],
    number: int,
) -> float:
    """Train on sentences whose labels are drawn anew each time; the score on others drawn so."""
    chance, right, decided = random.Random(0), 0.0, 0.0
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=3e-3)
    for step in range(number):
        drawn = [chance.randrange(2) for _ in range(12)]
        sentences = [chance.choice(HALVES[own].sentences) for own in drawn]
        batch = replace(batch_of(sentences, model), domains=torch.tensor(drawn))
        with torch.no_grad():
            outputs = told(model.outputs(batch), batch)
            passing, mask = discriminator.passes(outputs, batch)
        labelled = discriminator.labelled(batch).unsqueeze(1).expand_as(mask)
        if step >= number // 2:
            right += ((passing.exp() > 0.5) == labelled)[mask].sum().item()
            decided += mask.sum().item()
        loss = discriminator.loss(outputs, batch)
        assert loss is not None
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return right / decided


def test_of_equal_domains_nothing_can_be_told_and_of_others_everything() -> None:
    """(e)"""
    model = talkative_model()
    discriminator = output_discriminator(model, ENTITY_TASK)
    equal = accuracy(discriminator, model, lambda outputs, batch: outputs, 240)
    assert equal == pytest.approx(0.5, abs=0.06)

    def apart(outputs: Outputs, batch: Batch) -> Outputs:
        assert batch.domains is not None
        return outputs._replace(emissions=outputs.emissions * (1 + batch.domains)[:, None, None])

    discriminator = output_discriminator(model, ENTITY_TASK)
    assert accuracy(discriminator, model, apart, 240) > 0.6


@pytest.mark.parametrize("axes", [1, 2])
def test_no_layer_has_a_spectral_norm_above_one(axes: Any) -> None:
    """(g)"""
    torch.manual_seed(0)
    network = Convolutions(axes, input_dim=4, hidden_dim=8, output_dim=6, layers=3)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    values, mask = torch.randn(3, *[5] * axes, 4), torch.ones(3, *[5] * axes, dtype=torch.bool)
    for _ in range(50):
        assert norms(network) == pytest.approx([1.0] * 3, abs=1e-5)
        optimiser.zero_grad()
        (-network(values, mask).square().mean()).backward()  # as large as it can
        optimiser.step()


def norms(network: Convolutions) -> list[float]:
    """The spectral norm of each layer's weight, as a matrix with a row for each output."""
    found = []
    for layer in network.layers:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        found.append(torch.linalg.matrix_norm(weight.detach().flatten(1), 2).item())
    return found


def test_classes_are_labelled_and_unlabelled_ones_of_each_domain(model: JointModel) -> None:
    domains = domains_of((ENTITY_TASK,), (RELATION_TASK,), TASKS)
    aware = objective_of(model, domains).discriminators.all
    blind = objective_of(model, domains, domain_aware=False).discriminators.all
    batch = mixed(model)
    for several, one in zip(aware, blind, strict=True):
        assert isinstance(several, OutputDiscriminator)
        assert isinstance(one, OutputDiscriminator)
        scores, mask = several.scores(model.outputs(batch), batch)
        assert scores.shape[-1] == 6
        torch.testing.assert_close(scores.exp().sum(-1)[mask], torch.ones(int(mask.sum())))
        assert one.scores(model.outputs(batch), batch)[0].shape[-1] == 2


def test_the_classes_are_those_of_their_sentences(model: JointModel) -> None:
    discriminator = output_discriminator(model, ENTITY_TASK).eval()
    batch = mixed(model)
    outputs = model.outputs(batch)
    scores, mask = discriminator.scores(outputs, batch)
    means = []
    for domain, its_class in ((0, 0), (1, 3)):  # labelled of domain 0, unlabelled of domain 1
        assert batch.domains is not None
        rows = batch.domains == domain
        means.append(-scores[rows][mask[rows]][:, its_class].mean())
    torch.testing.assert_close(discriminator.loss(outputs, batch), torch.stack(means).mean())


def test_spurious_candidates_give_no_sentence_away() -> None:
    model = talkative_model(tiny_config(relation_head={"candidates": "predicted"}))
    discriminator, batch = output_discriminator(model, RELATION_TASK), mixed(model)
    outputs = model.outputs(batch)
    assert outputs.relation_logits is not None
    assert batch.targets is not None
    gold = batch.targets.candidates.mask.shape[1]
    assert outputs.relation_logits.shape[1] > gold
    assert discriminator.read(outputs, batch).values.shape[1] == gold


def test_the_gradient_of_features_is_reversed(model: JointModel) -> None:
    objective = objective_of(model, level="features")
    assert all(isinstance(own, FeatureDiscriminator) for own in objective.discriminators.all)
    batch = mixed(model)
    outputs = model.outputs(batch)
    leaves = {task: own.detach().requires_grad_() for task, own in outputs.streams.by_task.items()}
    heard = outputs._replace(streams=replace(outputs.streams, by_task=leaves))
    objective.discriminators.eval()
    reversed_loss = objective(heard, batch, 0)["adversarial"]
    reversed_loss.backward()
    plain = {}
    for own in objective.discriminators.all:
        assert isinstance(own, FeatureDiscriminator)
        leaf = leaves[own.task].detach().requires_grad_()
        told = own._told(leaf, batch.mask, batch)
        told.backward()
        plain[own.task] = leaf.grad
    for task, leaf in leaves.items():
        assert leaf.grad is not None
        assert plain[task] is not None
        assert leaf.grad.any()
        torch.testing.assert_close(leaf.grad, -plain[task])
    told = objective.discriminators(heard, batch)
    torch.testing.assert_close(reversed_loss, told)


def test_the_weight_rises_from_zero(model: JointModel) -> None:
    objective = objective_of(model, weight=0.5, warmup_epochs=2)  # of five steps
    weights = [objective.weight_at(step) for step in range(12)]
    assert weights[0] == 0.0
    assert weights == sorted(weights)
    assert weights[10:] == [0.5, 0.5]
    batch = mixed(model)
    outputs = model.outputs(batch)
    first, last = (objective(outputs, batch, step)["adversarial"] for step in (0, 10))
    assert first.item() == 0.0
    assert last.item() > 0.0
    assert objective_of(model, weight=0.5, warmup_epochs=0).weight_at(0) == 0.5


def test_sentences_that_are_all_labelled_have_nobody_to_fool(model: JointModel) -> None:
    objective = objective_of(model)
    batch = replace(batch_of(TRAIN[:4], model), domains=torch.tensor([0, 1, 0, 1]))
    assert objective(model.outputs(batch), batch, 0)["adversarial"].item() == 0.0


@pytest.mark.parametrize(
    ("domains", "message"),
    [
        (domains_of((ENTITY_TASK,)), "no schema has two; list two"),
        (domains_of(TASKS), "no schema has two"),
        (domains_of(TASKS, TASKS), "and there are none; leave it out"),
        (domains_of((ENTITY_TASK,), (ENTITY_TASK,)), "and there are none"),
    ],
)
def test_what_is_needed_is_told(
    model: JointModel, domains: tuple[Domain, ...], message: str
) -> None:
    for weight in (0.0, 1.0):
        with pytest.raises(TrainingError, match=message):
            Adversarial().objectives(section_of(weight=weight), ground_of(model, domains))


def loop_of(config: Config) -> Loop:
    return result_of(prepare_one(Job.of(config)))


def test_batches_know_where_their_sentences_come_from(
    coupled: Callable[..., Config],
) -> None:
    """Those of the first corpus are annotated for entities, those of the other for relations."""
    loop = loop_of(coupled({"kind": "adversarial"}))
    seen: list[Batch] = []
    (objective,) = (own for own in loop.phase.objectives if isinstance(own, AdversarialObjective))
    objective.discriminators.register_forward_pre_hook(lambda own, given: seen.append(given[1]))
    for event in loop.run():
        if isinstance(event, EpochResult):
            break
    assert seen
    for batch in seen:
        assert batch.domains is not None
        expected = [int(RELATION_TASK in sentence.annotated) for sentence in batch.sentences]
        assert batch.domains.tolist() == expected


def test_the_discriminator_is_in_the_checkpoint_and_not_in_the_model(
    coupled: Callable[..., Config], tmp_path: Path
) -> None:
    """(f)"""
    for _ in training_events(coupled({"kind": "adversarial"}), tmp_path / "run"):
        pass
    checkpoint = Checkpoint.load(tmp_path / "run" / "checkpoint")
    assert checkpoint.opponents
    assert any("discriminators" in name for name in checkpoint.objectives)
    stored = load_file(tmp_path / "run" / "model" / "weights.safetensors")
    without = tmp_path / "without"
    for _ in training_events(coupled(), without):
        pass
    assert stored.keys() == load_file(without / "model" / "weights.safetensors").keys()
    assert not Checkpoint.load(without / "checkpoint").opponents
