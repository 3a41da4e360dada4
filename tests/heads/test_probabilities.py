"""What the entity heads believe of candidates and tokens, as probabilities with gradients."""

from __future__ import annotations

import itertools

import pytest
import torch
from tests.corpus import TRAIN
from tests.networks import batch_of, talkative_model, tiny_config
from torch import Tensor

from dovetail.config import CrfEntityHeadConfig, EntityHeadConfig, SpanEntityHeadConfig
from dovetail.heads import EntityHead
from dovetail.model.joint import JointModel
from dovetail.tensors.features import Batch
from dovetail.text.document import Entity

HEADS: dict[str, EntityHeadConfig] = {
    "bio": CrfEntityHeadConfig(hidden_dim=8, scheme="bio"),
    "bilou": CrfEntityHeadConfig(hidden_dim=8, scheme="bilou"),
    "span": SpanEntityHeadConfig(hidden_dim=8, max_width=3),
}


@pytest.fixture(params=HEADS)
def model(request: pytest.FixtureRequest) -> JointModel:
    return talkative_model(tiny_config(entity_head=HEADS[request.param]))


@pytest.fixture
def batch(model: JointModel) -> Batch:
    return batch_of(TRAIN[:5], model)


@pytest.fixture
def emissions(model: JointModel, batch: Batch) -> Tensor:
    found: Tensor = model.outputs(batch).emissions
    return found.detach()


def test_types_are_as_probable_as_their_labels(
    model: JointModel, batch: Batch, emissions: Tensor
) -> None:
    """The label that a candidate would have, were it of the type."""
    head: EntityHead = model.entity_head
    assert batch.targets is not None
    candidates = batch.targets.candidates
    types = head.type_probabilities(emissions, batch.mask, candidates)
    labels = head.label_probabilities(emissions, batch.mask, candidates)
    for row, place in candidates.mask.nonzero().tolist():
        start, end = candidates.spans[row, place].tolist()
        for number, type_ in enumerate(head.entity_types):
            own = type(candidates).from_entities([[Entity(start, end, type_)]], head.entity_types)
            label = head.labels(own).item()
            assert types[row, place, number] == labels[row, place, int(label)]
    assert bool((types.sum(2) <= 1 + 1e-5).all())


def test_gradients_pass_through_them(model: JointModel, batch: Batch, emissions: Tensor) -> None:
    assert batch.targets is not None
    candidates = batch.targets.candidates
    for probabilities in (
        lambda leaf: model.entity_head.type_probabilities(leaf, batch.mask, candidates),
        lambda leaf: model.entity_head.token_probabilities(leaf, batch.mask),
    ):
        leaf = emissions.clone().requires_grad_()
        probabilities(leaf)[..., 0].sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.any()
        assert bool(torch.isfinite(leaf.grad).all())


def test_tokens_have_probabilities_and_padding_has_none(
    model: JointModel, batch: Batch, emissions: Tensor
) -> None:
    found = model.entity_head.token_probabilities(emissions, batch.mask)
    assert found.shape == (*batch.mask.shape, model.entity_head.num_token_labels)
    assert bool(((found >= 0) & (found <= 1 + 1e-5)).all())
    assert not found[~batch.mask].any()


def test_a_span_head_s_tokens_are_starts_of_some_span() -> None:
    """By enumeration over the decisions about all widths from a token on."""
    model = talkative_model(tiny_config(entity_head=HEADS["span"]))
    batch = batch_of(TRAIN[:3], model)
    emissions = model.outputs(batch).emissions.detach()
    found = model.entity_head.token_probabilities(emissions, batch.mask)
    scores = torch.nn.functional.pad(emissions, (0, 1)).softmax(3)
    lengths = batch.mask.sum(1).tolist()
    for row, token, type_ in itertools.product(range(3), range(4), range(found.shape[2])):
        widths = [width for width in range(3) if token + width < lengths[row]]
        chance = 0.0
        for decided in itertools.product((False, True), repeat=len(widths)):
            if any(decided):
                own = 1.0
                for width, is_type in zip(widths, decided, strict=True):
                    share = scores[row, token, width, type_].item()
                    own *= share if is_type else 1 - share
                chance += own
        assert found[row, token, type_].item() == pytest.approx(chance, abs=1e-5)
