"""The chain of probabilities from entities to relations, its candidates and its bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import SENTENCES, TRAIN
from tests.networks import batch_of, talkative_model, tiny_model
from tests.strategies.golden import told
from tests.strategies.test_sequential import HEADS, config_of
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from dovetail.heads.link import EntityLink
from dovetail.model.ensemble import Ensemble
from dovetail.model.joint import JointModel
from dovetail.model.schema_heads import SchemaHeads
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies.sequential.chain import (
    PROPOSED,
    ChainedLink,
    log_odds_of_product,
    spans_apart_from,
)
from dovetail.strategies.sequential.steps import StepwiseRelationHead
from dovetail.tensors.features import Batch, Candidates, Targets
from dovetail.text.document import Entity, Sentence
from dovetail.text.named_schemas import ONLY

CHAINS = [
    {},
    {"steps": 3},
    {"entity_probability": "any"},
    {"steps": 3, "detach_entities": True, "entity_probability": "any"},
]
DRAWN = 5


def heads_of(model: JointModel) -> tuple[SchemaHeads, ChainedLink]:
    own = model.heads[ONLY]
    assert isinstance(own.link, ChainedLink)
    return own, own.link


def test_log_odds_of_a_product_are_those_of_the_probabilities() -> None:
    logs = torch.linspace(-6, -0.01, 9, dtype=torch.float64)
    scores = torch.linspace(-8, 8, 11, dtype=torch.float64)
    found = log_odds_of_product(logs.unsqueeze(1), scores.expand(9, 11))
    probabilities = logs.exp().unsqueeze(1) * scores.sigmoid()
    torch.testing.assert_close(found, torch.log(probabilities / (1 - probabilities)))


def test_a_sure_entity_leaves_the_scores_as_they_are() -> None:
    scores = torch.linspace(-30, 20, 101)
    torch.testing.assert_close(log_odds_of_product(torch.zeros(101), scores), scores)


@pytest.mark.parametrize("log", [-1e4, -300.0, -1e-9, 0.0])
@pytest.mark.parametrize("score", [-1e3, 0.0, 1e3])
@pytest.mark.parametrize("right", [0.0, 1.0])
def test_extremes_have_finite_losses_and_gradients(log: float, score: float, right: float) -> None:
    known = torch.tensor([log], dtype=torch.float64, requires_grad=True)
    own = torch.tensor([score], requires_grad=True)
    odds = log_odds_of_product(known, own)
    loss = binary_cross_entropy_with_logits(odds, torch.tensor([right]))
    loss.backward()
    assert loss.isfinite()
    for value in (known, own):
        assert value.grad is not None
        assert value.grad.isfinite()


def test_gradients_of_the_product_are_those_of_finite_differences() -> None:
    logs = torch.tensor([-3.0, -0.5, -1e-3], dtype=torch.float64, requires_grad=True)
    scores = torch.tensor([-2.0, 0.3, 4.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(log_odds_of_product, (logs, scores))


def in_training(model: JointModel, batch: Batch) -> tuple[Tensor, Targets, Tensor]:
    """The relation logits that training learns from, their targets, the entities' probabilities."""
    own, link = heads_of(model)
    streams = model(batch)
    torch.manual_seed(3)
    outputs = own.outputs(streams, batch)
    torch.manual_seed(3)
    assert batch.targets is not None
    linked = link.targets(own.entity_head, outputs.emissions, batch.mask, batch.targets)
    sure = link.entity_log_probabilities(
        own.entity_head, outputs.emissions, batch.mask, linked.candidates
    )
    assert outputs.relation_logits is not None
    return outputs.relation_logits, linked, sure.exp()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("settings", CHAINS, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_no_relation_is_more_probable_than_either_of_its_entities(
    head: str, settings: dict[str, Any], training: bool
) -> None:
    model = talkative_model(config_of(head, dropout=0.0, non_entities=DRAWN, **settings))
    model.train(training)
    logits, linked, sure = in_training(model, batch_of(SENTENCES, model))
    least = torch.minimum(sure.unsqueeze(2), sure.unsqueeze(1)).unsqueeze(3)
    assert bool((logits.sigmoid() <= least + 1e-6).all())
    assert linked.candidates.mask.sum() > sum(len(own.entities) for own in SENTENCES)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("steps", [2, 3])
def test_predicted_relations_are_no_surer_than_their_entities(head: str, steps: int) -> None:
    models = [talkative_model(config_of(head, steps=steps), seed=seed) for seed in (0, 1)]
    for model in models:
        model.relation_head.set_thresholds([0.01] * 3)
    for predictor in (*models, Ensemble(models)):
        batch = Batch.from_sentences(SENTENCES, predictor.featurise)
        relations = [link for own in predictor.predict(batch) for link in own.relations]
        assert relations
        for link in relations:
            assert link.head.confidence is not None
            assert link.tail.confidence is not None
            assert link.confidence is not None
            assert link.confidence <= min(link.head.confidence, link.tail.confidence) + 1e-6


@pytest.mark.parametrize("head", HEADS)
def test_prediction_uses_the_product_of_what_training_learned(head: str) -> None:
    model = talkative_model(config_of(head))
    own, link = heads_of(model)
    batch = batch_of(SENTENCES, model)
    (streams,) = model.streams(batch)
    emissions = own.emissions(streams)
    assert batch.targets is not None
    candidates = batch.targets.candidates
    found = own.relation_logits(streams, emissions, candidates).sigmoid()
    alone = own.relation_logits(streams, emissions, replace(candidates, certain=True)).sigmoid()
    sure = link.entity_log_probabilities(own.entity_head, emissions, batch.mask, candidates)
    both = (sure.unsqueeze(2) + sure.unsqueeze(1)).exp().unsqueeze(3)
    torch.testing.assert_close(found, (both * alone).float(), rtol=1e-4, atol=1e-7)


def test_any_type_is_at_least_as_probable_as_the_one() -> None:
    model = talkative_model(config_of())
    own, link = heads_of(model)
    batch = batch_of(SENTENCES, model)
    emissions = own.emissions(model(batch))
    assert batch.targets is not None
    asked = (own.entity_head, emissions, batch.mask, batch.targets.candidates)
    typed = link.entity_log_probabilities(*asked)
    of_any = ChainedLink(EntityLink(), probability="any").entity_log_probabilities(*asked)
    assert bool((of_any >= typed - 1e-9).all())
    assert bool((of_any > typed + 1e-3).any())


def test_spans_to_draw_from_are_all_that_are_not_taken() -> None:
    for length, widest in itertools.product((1, 3, 6), (1, 2, 9)):
        every = {
            (start, end)
            for start, end in itertools.combinations(range(length + 1), 2)
            if end - start <= widest
        }
        found = spans_apart_from({(0, 1), (1, 3)}, length, widest=widest)
        assert len(found) == len(set(found))
        assert set(found) == every - {(0, 1), (1, 3)}
    long = spans_apart_from((), 400, widest=5)
    assert len(long) == len(set(long)) == PROPOSED


@pytest.mark.parametrize("head", HEADS)
def test_spans_are_drawn_by_how_probable_they_are_as_entities(head: str) -> None:
    model = talkative_model(config_of(head, non_entities=1))
    own, link = heads_of(model)
    batch = Batch.from_sentences([TRAIN[5]] * 64, model.featurise)  # "Nobody was there ."
    targets = own.with_targets(batch).targets
    assert targets is not None
    emissions = own.emissions(model(batch))
    gold_alone = ChainedLink(EntityLink(), probability="any")
    torch.manual_seed(0)
    spans = [spans_apart_from((), 4, widest=1)] * 64
    rounds = [
        entity.span
        for _ in range(40)
        for (entity,) in link._drawn(own.entity_head, emissions, batch.mask, spans)
    ]
    asked = Candidates(
        torch.tensor(spans), torch.zeros(64, 4, dtype=torch.long), torch.ones(64, 4).bool()
    )
    sure = gold_alone.entity_log_probabilities(own.entity_head, emissions, batch.mask, asked)[0]
    shares = (sure.exp() / sure.exp().sum()).tolist()
    for span, share in zip(spans[0], shares, strict=True):
        assert rounds.count(span) / len(rounds) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("head", HEADS)
def test_drawn_candidates_follow_the_others_and_are_related_to_none(head: str) -> None:
    model = talkative_model(config_of(head, non_entities=DRAWN))
    own, link = heads_of(model)
    batch = batch_of(SENTENCES, model)
    emissions = own.emissions(model(batch))
    assert batch.targets is not None
    asked = (own.entity_head, emissions, batch.mask, batch.targets)
    known = EntityLink(candidates="predicted").targets(*asked)
    found = link.targets(*asked)
    width = known.candidates.mask.shape[1]
    assert torch.equal(found.candidates.spans[:, :width], known.candidates.spans)
    assert found.relations.sum() == batch.targets.relations.sum() > 0
    drawn = found.candidates.mask[:, width:].sum(1)
    assert 0 < int(drawn.max()) <= DRAWN
    for own_mask, spans in zip(found.candidates.mask, found.candidates.spans, strict=True):
        taken = {tuple(span) for span in spans[:width][own_mask[:width]].tolist()}
        new = {tuple(span) for span in spans[width:][own_mask[width:]].tolist()}
        assert not taken & new


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "sentence",
    [
        Sentence.from_tokens(["It", "snowed", "."]),
        Sentence.from_tokens(["Ada"], entities=[Entity(0, 1, "Person")]),
    ],
)
def test_batches_in_which_no_span_is_left_to_be_drawn_are_learned(
    head: str, sentence: Sentence
) -> None:
    model = talkative_model(config_of(head, non_entities=DRAWN)).train()
    losses = model.outputs(batch_of([sentence] * 2, model)).losses
    assert all(loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()


def test_sentences_without_entity_annotation_get_no_drawn_spans() -> None:
    model = talkative_model(config_of(non_entities=DRAWN))
    own, link = heads_of(model)
    sentence = replace(TRAIN[0], annotated=frozenset({"relation"}))
    batch = batch_of([sentence], model)
    assert batch.targets is not None
    emissions = own.emissions(model(batch))
    assert link.targets(own.entity_head, emissions, batch.mask, batch.targets) is batch.targets


def test_conditional_heads_are_those_of_the_config() -> None:
    own = tiny_model(config_of(chain="conditional")).heads[ONLY]
    assert type(own.link) is EntityLink
    assert own.link.candidates == "gold"
    assert own.reads == {"entity": {"entity"}, "relation": {"relation"}}


def test_in_three_steps_a_type_is_no_more_probable_than_any_relation() -> None:
    model = talkative_model(config_of(steps=3))
    own, _ = heads_of(model)
    batch = batch_of(SENTENCES, model)
    assert batch.targets is not None
    candidates = batch.targets.candidates
    labels = own.entity_head.labels(candidates)
    head = own.relation_head
    assert isinstance(head, StepwiseRelationHead)
    scores = head(model(batch)["relation"], labels, candidates)
    assert scores.shape[3] == 4
    assert bool((head.of_types(scores).sigmoid() <= scores[..., 3:].sigmoid() + 1e-6).all())


def test_in_three_steps_the_loss_is_that_of_types_and_of_any_relation() -> None:
    model = talkative_model(config_of(steps=3))
    own, _ = heads_of(model)
    head = own.relation_head
    assert isinstance(head, StepwiseRelationHead)
    targets = batch_of(SENTENCES, model).targets
    assert targets is not None
    scores = torch.randn(*targets.relations.shape[:3], 4)
    possible = head.possible(targets.candidates)
    types = binary_cross_entropy_with_logits(scores[..., :3][possible], targets.relations[possible])
    pairs = possible.any(3)
    related = binary_cross_entropy_with_logits(
        scores[..., 3][pairs], targets.relations.amax(3)[pairs]
    )
    torch.testing.assert_close(head.loss(scores, targets), types + related)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("steps", [2, 3])
def test_a_saved_model_says_the_same_alone_and_with_its_like(
    head: str, steps: int, tmp_path: Path
) -> None:
    config = config_of(head, steps=steps)
    model = talkative_model(config)
    model.relation_head.set_thresholds([0.01] * 3)
    save_model(tmp_path / "model", model, config)
    saved = load_model(tmp_path / "model").model
    batch = Batch.from_sentences(SENTENCES, model.featurise)
    found = told(model.predict(batch))
    assert told(saved.predict(batch)) == found
    assert any(own["relations"] for own in found)
    both = told(Ensemble([model, saved]).predict(batch))
    for ours, theirs in zip(found, both, strict=True):
        for part in ("entities", "relations"):
            for one, other in zip(ours[part], theirs[part], strict=True):
                assert one[:-1] == other[:-1]
                assert one[-1] == pytest.approx(other[-1], abs=1e-5)


def fitted(features: Tensor, loss_of: Any) -> Tensor:
    """The weights of a logistic model that a loss is smallest with."""
    weights = torch.zeros(features.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimiser.zero_grad()
        loss = loss_of(features @ weights)
        loss.backward()
        return loss

    optimiser.step(closure)
    return weights.detach()


def test_a_loss_on_entities_alone_is_biased_on_all_spans_and_that_of_the_chain_is_not() -> None:
    """Relations that only entities have: what is learned from these is asked of all spans.

    The confounder is the selection itself, as a click is before a purchase: who is an entity is
    more often related, so the two models differ most where few are entities.
    """
    torch.manual_seed(0)
    number, cross_entropy = 20_000, binary_cross_entropy_with_logits
    features = torch.stack([torch.ones(number), torch.randn(number)], 1).double()
    entity = torch.bernoulli(torch.sigmoid(2 * features[:, 1] - 0.5))
    related = entity * torch.bernoulli(torch.sigmoid(1.5 - features[:, 1]))
    of_entities = fitted(features, lambda scores: cross_entropy(scores, entity))
    sure = logsigmoid(features @ of_entities)
    chosen = entity.bool()
    conditional = fitted(features, lambda own: cross_entropy(own[chosen], related[chosen]))
    chain = fitted(features, lambda own: cross_entropy(log_odds_of_product(sure, own), related))

    def error(probabilities: Tensor) -> float:
        """How far probabilities are from shares, in ten groups of spans by their feature."""
        groups = features[:, 1].argsort().chunk(10)
        gaps = [(probabilities[own].mean() - related[own].mean()).abs() for own in groups]
        return torch.stack(gaps).mean().item()

    biased = error(torch.sigmoid(features @ conditional))
    unbiased = error(torch.sigmoid(log_odds_of_product(sure, features @ chain)))
    assert biased > 0.3
    assert unbiased < 0.02
