"""What the heads learn of a teacher: against plain restatements, and of themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.corpus import TRAIN
from tests.networks import batch_of, reached, talkative_model, tiny_config
from torch import Tensor

from dovetail.config import Config, CrfEntityHeadConfig, SpanEntityHeadConfig
from dovetail.model.joint import JointModel
from dovetail.tensors.features import Batch, Taught

TEMPERATURES = [1.0, 2.0]


@torch.no_grad()
def taught_by(teacher: JointModel, batch: Batch, temperature: float) -> Batch:
    """The batch with what a teacher says of it."""
    assert batch.targets is not None
    streams = teacher.streams(batch)
    emissions = teacher.emissions(streams)
    head = teacher.entity_head
    return replace(
        batch,
        taught=Taught(
            head.expectations(emissions, batch.mask, temperature=temperature),
            teacher.relation_logits(streams, emissions, batch.targets.candidates),
            temperature,
        ),
    )


def losses(student: JointModel, batch: Batch) -> dict[str, Tensor]:
    return dict(student.outputs(batch).taught)


HEADS = {"crf": CrfEntityHeadConfig(hidden_dim=8), "span": SpanEntityHeadConfig(hidden_dim=8)}


@pytest.fixture(params=HEADS)
def config(request: pytest.FixtureRequest) -> Config:
    return tiny_config(entity_head=HEADS[request.param])


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_who_says_what_the_teacher_says_has_nothing_to_learn(
    config: Config, temperature: float
) -> None:
    model = talkative_model(config)
    found = losses(model, taught_by(model, batch_of(TRAIN[:8], model), temperature))
    assert list(found) == ["entity", "relation"]
    for loss in found.values():
        assert loss.item() == pytest.approx(0.0, abs=1e-4)
    torch.stack([*found.values()]).sum().backward()
    for parameter in model.parameters():
        if parameter.grad is not None:
            zero = torch.zeros_like(parameter)
            torch.testing.assert_close(parameter.grad, zero, atol=2e-4, rtol=0.0)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_another_teacher_leaves_something_to_learn_in_every_part(
    config: Config, temperature: float
) -> None:
    student = talkative_model(config).train()
    batch = batch_of(TRAIN[:8], student)
    found = losses(student, taught_by(talkative_model(config, seed=1), batch, temperature))
    assert all(loss.item() > 0.01 for loss in found.values())
    torch.stack([*found.values()]).sum().backward()
    names = {name.partition(".")[0] for name in reached(student)}
    assert names == {"encoder", "sharing", "entity_head", "relation_head"}


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_spans_learn_by_the_divergence_of_each_span(temperature: float) -> None:
    config = tiny_config(entity_head=HEADS["span"])
    student, teacher = talkative_model(config), talkative_model(config, seed=1)
    batch = taught_by(teacher, batch_of(TRAIN[:8], student), temperature)
    total = 0.0
    for sentence in batch.sentences:
        alone = batch_of([sentence], student)
        scores, taught = (
            model.emissions(model.streams(alone))[0].double() / temperature
            for model in (student, teacher)
        )
        length, widths = scores.shape[:2]
        for start in range(length):
            for width in range(min(widths, length - start)):
                none = torch.zeros(1, dtype=torch.double)
                q = torch.cat([taught[start, width], none]).softmax(0)
                p = torch.cat([scores[start, width], none]).softmax(0)
                total += (q * (q / p).log()).sum().item()
    expected = temperature**2 * total / len(batch.sentences)
    assert losses(student, batch)["entity"].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("normalisation", ["cells", "sentences"])
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("confidence", [0.5, 0.6])
def test_relations_learn_by_the_divergence_of_each_possible_cell(
    temperature: float, normalisation: str, confidence: float
) -> None:
    """Or of each that the teacher is sure enough of."""
    config = tiny_config(relation_head={"normalisation": normalisation, "dropout": 0.0})
    student, teacher = talkative_model(config), talkative_model(config, seed=1)
    batch = taught_by(teacher, batch_of(TRAIN[:8], student), temperature)
    assert batch.targets is not None
    assert batch.taught is not None
    batch = replace(batch, taught=replace(batch.taught, relation_confidence=confidence))
    candidates = batch.targets.candidates
    logits = student.outputs(batch).relation_logits
    total, cells, unsure = 0.0, 0, 0
    for cell in student.relation_head.possible(candidates).nonzero().tolist():
        place = tuple(cell)
        probability = torch.sigmoid(batch.taught.relations[place]).item()
        if max(probability, 1 - probability) < confidence:
            unsure += 1
            continue
        q = torch.sigmoid(batch.taught.relations[place].double() / temperature)
        p = torch.sigmoid(logits[place].double() / temperature)
        total += (q * (q / p).log() + (1 - q) * ((1 - q) / (1 - p)).log()).item()
        cells += 1
    assert cells
    assert (unsure > 0) == (confidence > 0.5)
    number = cells if normalisation == "cells" else len(batch.sentences)
    expected = temperature**2 * total / number
    assert losses(student, batch)["relation"].item() == pytest.approx(expected, rel=1e-4)


def test_teacher_says_nothing_of_what_only_the_student_takes_for_entities() -> None:
    """They follow the gold candidates, in training only."""
    plain = talkative_model(tiny_config(relation_head={"dropout": 0.0}))
    spurious = talkative_model(
        tiny_config(relation_head={"dropout": 0.0, "candidates": "predicted"})
    )
    spurious.load_stored_state(plain.stored_state())
    batch = taught_by(talkative_model(seed=1), batch_of(TRAIN[:8], plain), 1.0)
    more, fewer = spurious.outputs(batch), plain.outputs(batch)
    assert more.relation_logits.shape[1] > fewer.relation_logits.shape[1]
    torch.testing.assert_close(more.taught["relation"], fewer.taught["relation"])


def test_gold_annotations_have_no_part_in_it() -> None:
    student, teacher = talkative_model(), talkative_model(seed=1)
    batch = taught_by(teacher, batch_of(TRAIN[:8], student), 1.0)
    assert batch.targets is not None
    nothing = replace(
        batch.targets,
        relations=torch.zeros_like(batch.targets.relations),
        annotated={task: torch.zeros(8, dtype=torch.bool) for task in ("entity", "relation")},
    )
    expected = losses(student, batch)
    for task, loss in losses(student, replace(batch, targets=nothing)).items():
        assert torch.equal(loss, expected[task])
