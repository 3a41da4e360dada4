"""Variational sharing: divergences, shares, priors, refusals, final forms, uncertainty, runs."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import batch_of, layer_factory, reached, talkative_model, tiny_config
from tests.training.conftest import metrics, weights
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

from dovetail.build import build_model
from dovetail.config import (
    Config,
    DataConfig,
    SharingConfig,
    SpanEntityHeadConfig,
    with_changes,
)
from dovetail.errors import ConfigError, ModelError
from dovetail.extractor import Extractor
from dovetail.heads.trained_part import finalised, trained_parts
from dovetail.model.joint import JointModel
from dovetail.objectives import Supervised
from dovetail.saved.model_folder import CARD, DESCRIPTION, load_model, save_model
from dovetail.strategies import VariationalSharingConfig
from dovetail.strategies.depth.block import depth
from dovetail.strategies.strategy import strategy_of
from dovetail.strategies.streams import Streams
from dovetail.strategies.variational.block import (
    GaussianStreams,
    VariationalLayers,
    softened,
    unsoftened,
)
from dovetail.strategies.variational.classifiers import GaussianLinear, TypesPrior, averaged
from dovetail.strategies.variational.divergence import (
    Form,
    Gaussian,
    Price,
    divergence,
    log_density,
    to_mixture,
)
from dovetail.strategies.variational.mixing import STANDARD, Mixing, TaskMixing, Temperatures
from dovetail.strategies.variational.objective import Divergences
from dovetail.strategies.variational.strategy import cool
from dovetail.tensors.features import Batch
from dovetail.text.named_schemas import ONLY, Schemas, all_tasks
from dovetail.text.schema import Schema
from dovetail.training import EpochResult, training_events

DIM = 4
TASKS = ("entity", "relation", "drugs/entity")
FORMS: tuple[Form, ...] = ("bound", "sum", "sampled")
SMALL: dict[str, Any] = {"kind": "variational", "hidden_dim": 4, "feature_dim": 5, "dropout": 0.0}

TOWNS = Schema.from_sentences(SENTENCES)  # 3 entity types, 3 relation types
CONLL04 = Schema(("Loc", "Org", "Other", "Peop"), ("Kill", "Live_In", "Located_In", "OrgBased_In",
                 "Work_For"))  # fmt: skip
ADE = Schema(("Adverse-Effect", "Drug"), ("Adverse-Effect",))
MENTIONS = Schema(("Mention",), ())


def section(**settings: Any) -> VariationalSharingConfig:
    return VariationalSharingConfig.model_validate({**SMALL, **settings})


def gaussians(seed: int, *shape: int, scale: float = 1.0) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean = scale * torch.randn(*shape, generator=generator, dtype=torch.float64)
    return Gaussian(mean, 0.2 + torch.rand(*shape, generator=generator, dtype=torch.float64))


def model_of(
    schemas: Schemas | None = None, *, head: Any = None, relation_head: Any = None, **settings: Any
) -> JointModel:
    config = tiny_config(
        sharing=section(**{"normal_component": True, **settings}),
        entity_head=head,
        relation_head={"dropout": 0.0, **(relation_head or {})},
    )
    torch.manual_seed(0)
    words = [sentence.tokens for sentence in SENTENCES]
    return build_model(config, schemas or {ONLY: TOWNS}, words=words)


# (a) divergences


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_the_divergence_is_that_of_torch(seed: int) -> None:
    own, other = gaussians(seed, 3, DIM), gaussians(seed + 1, 3, DIM)
    expected = kl_divergence(Independent(Normal(*own), 1), Independent(Normal(*other), 1))
    torch.testing.assert_close(divergence(own, other), expected)
    torch.testing.assert_close(
        log_density(own, other.mean), Independent(Normal(*own), 1).log_prob(other.mean)
    )


@pytest.mark.parametrize(("others", "nats"), [(2, 0.153), (3, 0.451), (5, 1.195)])
def test_the_weighted_sum_charges_what_is_identical(others: int, nats: float) -> None:
    """Of tasks that agree: 3, 4 and 6 of them, for each dimension; the other forms charge none."""
    own = Gaussian.standard(torch.zeros(1, dtype=torch.float64))
    same = Gaussian.stacked([own] * others)
    shares = torch.full((others,), 1 / others, dtype=torch.float64)
    assert float(to_mixture("sum", own, same, shares)) == pytest.approx(nats, abs=6e-4)
    assert float(to_mixture("bound", own, same, shares)) == pytest.approx(0, abs=1e-12)
    assert float(to_mixture("sampled", own, same, shares)) == pytest.approx(0, abs=1e-12)


def test_the_weighted_sum_does_not_notice_that_others_disagree() -> None:
    own = Gaussian.standard(torch.zeros(1, dtype=torch.float64))
    apart = Gaussian(torch.tensor([[-2.0], [2.0]]).double(), torch.ones(2, 1).double())
    shares = torch.tensor([0.5, 0.5]).double()
    torch.manual_seed(0)
    many = Gaussian(own.mean.expand(20_000, 1), own.deviation.expand(20_000, 1))
    others = Gaussian(apart.mean.unsqueeze(1), apart.deviation.unsqueeze(1))
    found = {form: float(to_mixture(form, many, others, shares).mean()) for form in FORMS}
    assert found == pytest.approx({"sum": 0.153, "bound": 2.0, "sampled": 0.94}, abs=0.03)


# (g) the bound


@pytest.mark.parametrize("others", [1, 2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_the_bound_is_never_below_the_divergence(seed: int, others: int) -> None:
    own, mixed = gaussians(seed, DIM), gaussians(seed + 100, others, 1, DIM)
    torch.manual_seed(seed)
    shares = torch.randn(others, dtype=torch.float64).softmax(0)
    many = Gaussian(own.mean.expand(5000, DIM), own.deviation.expand(5000, DIM))
    drawn = to_mixture("sampled", many, mixed, shares)
    error = float(drawn.std()) / len(drawn) ** 0.5
    bound = float(to_mixture("bound", many, mixed, shares)[0])
    assert bound >= float(drawn.mean()) - 5 * error
    if others == 1:  # then it is the divergence itself
        assert bound == pytest.approx(float(drawn.mean()), abs=5 * error)


# (c) shares


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=5), st.integers(0, 99))
def test_shares_sum_to_one_and_become_one_hot_as_it_gets_cold(
    logits: list[float], seed: int
) -> None:
    family = tuple(f"t{number}" for number in range(len(logits) + 1))
    mixing = Mixing(family[:1], family)
    with torch.no_grad():
        mixing.logits.get_parameter("0").copy_(torch.tensor(logits))
    torch.manual_seed(seed)
    warm = mixing.drawn("t0").detach()
    assert float(warm.sum()) == pytest.approx(1, abs=1e-5)
    mixing.temperature.fill_(1e-4)
    cold = mixing.drawn("t0").detach()
    assert float(cold.sum()) == pytest.approx(1, abs=1e-5)
    assert float(cold.max()) > 0.99
    assert sum(mixing.shares()["t0"].values()) == pytest.approx(1, abs=1e-5)
    mixing.eval()
    assert torch.equal(mixing.drawn("t0"), mixing.drawn("t0"))


def test_draws_are_as_probable_as_the_shares_say() -> None:
    mixing = Mixing(("a",), ("a", "b", "c"), standard=True)
    with torch.no_grad():
        mixing.logits.get_parameter("0").copy_(torch.tensor([0.1, 0.0, -0.1]))
    torch.manual_seed(0)
    drawn = torch.stack([mixing.drawn("a").argmax() for _ in range(2000)])
    found = torch.bincount(drawn, minlength=3) / len(drawn)
    expected = torch.tensor([*mixing.shares()["a"].values()])
    assert [*mixing.shares()["a"]] == ["b", "c", STANDARD]
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


def test_it_cools_down_to_the_lowest_temperature_and_remembers_it() -> None:
    mixing = Mixing(("a",), ("a", "b", "c"), temperatures=Temperatures(2.0, 0.5, 0.5))
    found = []
    for _ in range(4):
        found.append(float(mixing.temperature))
        mixing.cool()
    assert found == [2.0, 1.0, 0.5, 0.5]
    other = Mixing(("a",), ("a", "b", "c"))
    other.load_state_dict(mixing.state_dict())
    assert float(other.temperature) == 0.5


def learned_shares(form: Form, posteriors: dict[str, Gaussian]) -> dict[str, dict[str, float]]:
    """The shares that tasks with fixed Gaussians learn."""
    torch.manual_seed(0)
    mixing = Mixing((*posteriors,), (*posteriors,))
    optimiser = torch.optim.AdamW(mixing.parameters(), lr=0.01)
    for _ in range(150):
        terms = [
            to_mixture(
                form,
                posteriors[task],
                Gaussian.stacked([posteriors[other] for other in mixing.components(task)]),
                mixing.drawn(task).double(),
                4,
            ).mean()
            for task in posteriors
        ]
        optimiser.zero_grad()
        torch.stack(terms).sum().backward()
        optimiser.step()
        mixing.cool()
    return {task: dict(own) for task, own in mixing.shares().items()}


# (h) twins


@pytest.mark.parametrize("form", ["bound", "sampled"])
def test_of_two_twins_and_an_alien_each_twin_learns_who_the_other_is(form: Form) -> None:
    twin, alien = gaussians(1, 6, DIM), gaussians(2, 6, DIM, scale=3.0)
    shares = learned_shares(form, {"one": twin, "other": twin, "alien": alien})
    assert shares["one"]["other"] > 0.9
    assert shares["other"]["one"] > 0.9
    assert shares["alien"]["one"] == pytest.approx(0.5, abs=0.35)  # they are the same to it


# (b) refusals


def built(schemas: Schemas, **settings: Any) -> JointModel:
    config = tiny_config(sharing=section(**settings))
    return build_model(config, schemas, words=[["a"]])


ONE_CONLL04: Schemas = {ONLY: CONLL04}
ONE_ADE: Schemas = {ONLY: ADE}
BOTH: Schemas = {"news": CONLL04, "drugs": ADE}
THREE_TASKS: Schemas = {"news": CONLL04, "mentions": MENTIONS}


@pytest.mark.parametrize(
    ("schemas", "options", "problem"),
    [
        (ONE_CONLL04, {}, "2 tasks (entity, relation)"),
        (ONE_CONLL04, {"normal_component": True}, None),
        (ONE_CONLL04, {"features": False}, None),
        (ONE_CONLL04, {"prior": "normal"}, None),
        (ONE_CONLL04, {"prior": "none"}, None),
        (ONE_CONLL04, {"prior": "sum"}, "2 tasks (entity, relation)"),
        (ONE_ADE, {"features": False}, "2 entity types (Adverse-Effect, Drug)"),
        (
            ONE_ADE,
            {"features": False, "entity_classifiers": False},
            "1 relation types (Adverse-Effect)",
        ),
        (ONE_ADE, {"normal_component": True}, None),
        (ONE_ADE, {"prior": "normal"}, None),
        (BOTH, {}, None),
        (THREE_TASKS, {}, None),
    ],
)
def test_too_few_for_a_mixture_are_refused_in_a_sentence(
    schemas: Schemas, options: dict[str, Any], problem: str | None
) -> None:
    if problem is None:
        assert built(schemas, **options).sharing.tasks == all_tasks(schemas)
        return
    with pytest.raises(ModelError, match=r"set sharing\.normal_component = true") as refused:
        built(schemas, **options)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"prior": "normal", "normal_component": True}, "normal_component"),
        ({"lowest_temperature": 2.0}, "lowest_temperature"),
        ({"prior": "none", "confidences": "averaged"}, "confidences"),
        (
            {"features": False, "relation_classifiers": False, "entity_classifiers": False},
            "features",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    options: dict[str, Any], field: str
) -> None:
    with pytest.raises(ConfigError, match=field):
        section(**options)


# (d) whose gradients


def streams_in(block: nn.Module, tasks: tuple[str, ...] = TASKS) -> Streams:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(2, 3, DIM, generator=generator)
    mask = torch.tensor([[True] * 3, [True, False, False]])
    return block(Streams.tied(tokens, mask, tasks))


def block_of(*, standard: bool = False, mixes: bool = True, noise: float = 1.0) -> Any:
    torch.manual_seed(0)
    below = depth(layer_factory("gru", 2), input_dim=DIM, shared=1, own=dict.fromkeys(TASKS, 1))
    mixing = TaskMixing(TASKS, TASKS, standard=standard) if mixes else None
    top = GaussianStreams(below.output_dims, DIM, mixing=mixing, noise=noise)
    return VariationalLayers([below, top])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("standard", [True, False])
def test_no_gradient_flows_into_the_gaussians_of_others(form: Form, standard: bool) -> None:
    block = block_of(standard=standard)
    streams = streams_in(block)
    Divergences(Price(form=form), standard=standard).of_task(streams, "relation").backward()
    own = {name for name, _ in block.named_parameters() if "relation" in block.owners(name)}
    assert reached(block) == own
    assert any("spreads" in name for name in own)
    assert any("mixing" in name for name in own)


def test_what_is_left_to_penalties_is_reached_by_them() -> None:
    for training, noise in ((True, 0.0), (True, 1.0)):
        block = block_of(noise=noise).train(training)
        streams = streams_in(block)
        terms = [Divergences(Price()).of_task(streams, task) for task in TASKS]
        torch.stack(terms).sum().backward()
        assert block.left_to_penalties() <= reached(block)


def test_shared_layers_feel_how_far_features_are_apart() -> None:
    block = block_of()
    Divergences(Price()).of_task(streams_in(block), "entity").backward()
    shared = [name for name in reached(block) if len(block.owners(name)) == len(TASKS)]
    assert shared


def test_types_are_drawn_to_others_which_are_not_moved() -> None:
    model = model_of({"towns": TOWNS, "news": CONLL04}, normal_component=False)
    names = {name for name, _ in model.named_parameters()}
    penalties = model.of_schema("towns").penalties()
    assert set(penalties) == {"kl_towns/entity_types", "kl_towns/relation_types"}
    torch.stack([*penalties.values()]).sum().backward()
    heads = {name for name in names if name.startswith("several.0.")}
    assert reached(model) <= heads
    assert any("mixing" in name for name in reached(model))


@pytest.mark.parametrize("standard", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_the_prior_of_a_type_are_all_others_of_its_family(form: Form, standard: bool) -> None:
    """Against one type after the other."""
    model = model_of(
        {"towns": TOWNS, "news": CONLL04}, prior=form, normal_component=standard, samples=400
    ).eval()
    prior = next(own for own in model.of_schema("news").trained_parts if own.prior).prior  # type: ignore[attr-defined]
    assert isinstance(prior, TypesPrior)
    assert prior.mixing is not None
    with torch.no_grad():
        for logits in prior.mixing.logits.parameters():
            logits.copy_(torch.linspace(-0.1, 0.1, len(logits)))
        rows = [own.weights() for own in prior.family]
        all_ = Gaussian(torch.cat([g.mean for g in rows]), torch.cat([g.deviation for g in rows]))
        found = prior.divergences()
        first = len(all_.mean) - len(found)
        for row, member in enumerate(prior.mixing.members):
            place = first + row
            others = [
                Gaussian(all_.mean[k], all_.deviation[k])
                for k in range(len(all_.mean))
                if k != place
            ]
            others += [Gaussian.standard(all_.mean[0])] * standard
            single = Gaussian(all_.mean[place], all_.deviation[place])
            shares = prior.mixing.drawn(member)
            expected = to_mixture(form, single, Gaussian.stacked(others), shares, 400)
            torch.testing.assert_close(
                found[row], expected, rtol=0.05 if form == "sampled" else 1e-5, atol=1e-4
            )


def test_the_types_of_all_schemas_are_one_family() -> None:
    model = model_of({"towns": TOWNS, "drugs": ADE}, normal_component=False)
    priors = [own for own in model.modules() if isinstance(own, TypesPrior)]
    family = {own.name: own.mixing.family for own in priors if own.mixing is not None}
    assert family["relation_types"] == (
        "towns/based_in", "towns/lives_in", "towns/works_for", "drugs/Adverse-Effect"
    )  # fmt: skip
    assert len(family["entity_types"]) == 5
    assert len(priors) == 4


# (e) reductions, (f) evaluation


def test_without_noise_and_weights_it_is_the_network_without_gaussians() -> None:
    model = model_of(noise=0.0, feature_weight=0.0, classifier_weight=0.0)
    plain = model_of(prior="none", normal_component=False)
    shared = set(plain.stored_state()) & set(model.stored_state())
    state = {**plain.stored_state(), **{n: model.stored_state()[n] for n in shared}}
    for name in state:
        if "sharing.blocks.1." in name:
            state[name] = model.stored_state()[name.replace("blocks.1.", "blocks.1.means.")]
    plain.load_stored_state(state)
    batch, other = batch_of(TRAIN[:4], model), batch_of(TRAIN[:4], plain)
    found, expected = model.outputs(batch), plain.outputs(other)
    for task in found.losses:
        assert torch.equal(found.losses[task], expected.losses[task])
        assert torch.equal(found.streams[task], expected.streams[task])
    terms = Divergences(Price(weight=0.0))(found, batch, 0)
    assert set(terms) == {"kl_entity", "kl_relation", "kl_entity_types", "kl_relation_types"}
    assert not any(term.item() for term in terms.values())


def test_as_deviations_vanish_the_draws_become_the_means() -> None:
    block = block_of()
    with torch.no_grad():
        for name, parameter in block.named_parameters():
            if "spreads" in name:
                parameter.zero_().add_(-30.0 if name.endswith("bias") else 0.0)
    drawn, mean = streams_in(block), streams_in(block.eval())
    for task in TASKS:
        torch.testing.assert_close(drawn[task], mean[task], atol=1e-2, rtol=0)
        assert not torch.equal(drawn[task], mean[task])


def test_training_draws_and_evaluation_is_deterministic() -> None:
    block = block_of()
    assert not torch.equal(streams_in(block)["entity"], streams_in(block)["entity"])
    block.eval()
    assert torch.equal(streams_in(block)["entity"], streams_in(block)["entity"])
    assert not streams_in(block).notes


@pytest.mark.parametrize("confidences", ["mean", "averaged"])
def test_two_predictions_are_equal(confidences: str) -> None:
    model = talkative_model(
        tiny_config(sharing=section(normal_component=True, confidences=confidences))
    )
    batch = Batch.from_sentences(SENTENCES, model.featurise)
    first, second = model.predict(batch), model.predict(batch)
    assert first == second
    assert confidences_of(first) == confidences_of(second)


def test_draws_have_the_mean_and_the_deviation_that_are_declared() -> None:
    torch.manual_seed(0)
    layer = GaussianLinear(nn.Linear(3, 5), torch.tensor([[1, 2], [3, 4]]))
    with torch.no_grad():
        layer.spread.add_(torch.rand_like(layer.spread))
    features = torch.randn(1, 3).expand(20_000, 3)
    drawn = layer(features)
    mean, variance = layer.eval()(features[0]), layer.variance(features[0])
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.std(0)[1:], variance.sqrt()[1:], atol=0, rtol=0.05)
    assert not variance[0].any()  # the row of no type
    assert torch.allclose(drawn[:, 0], mean[0], atol=1e-4)


def test_a_deviation_is_what_it_was_set_to() -> None:
    assert softened(torch.tensor(unsoftened(0.05))).item() == pytest.approx(0.05)


# Objective


@pytest.mark.parametrize(("steps", "shares"), [(4, [0.25, 0.5, 0.75, 1, 1]), (0, [1, 1])])
def test_the_weight_grows_to_its_end(steps: int, shares: list[float]) -> None:
    objective = Divergences(Price(), anneal_steps=steps)
    assert [objective.grown(step) for step in range(len(shares))] == shares


def test_a_batch_pays_for_the_tasks_and_types_of_its_schema_alone() -> None:
    schemas: Schemas = {"towns": TOWNS, "news": CONLL04}
    model = model_of(schemas, normal_component=False)
    batch = replace(Batch.from_sentences(TRAIN[:3], model.featurise), schema="towns")
    batch = model.of_schema("towns").with_targets(batch)
    outputs = model.outputs(batch)
    terms = Divergences(Price())(outputs, batch, 0)
    assert set(outputs.streams.by_task) == set(all_tasks(schemas))  # its prior needs all of them
    assert set(terms) == {
        f"kl_towns/{name}" for name in ("entity", "relation", "entity_types", "relation_types")
    }
    assert all(bool(term > 0) for term in terms.values())
    assert set(model.eval()(batch, ["towns"]).by_task) == {"towns/entity", "towns/relation"}


def test_a_standard_normal_asks_for_no_other_stream() -> None:
    model = model_of({"towns": TOWNS, "news": CONLL04}, prior="normal", normal_component=False)
    batch = replace(Batch.from_sentences(TRAIN[:3], model.featurise), schema="towns")
    batch = model.of_schema("towns").with_targets(batch)
    outputs = model.outputs(batch)
    assert set(outputs.streams.by_task) == {"towns/entity", "towns/relation"}
    terms = Divergences(Price())(outputs, batch, 0)
    notes = outputs.streams.notes
    mean, deviation = (
        notes[f"variational {what} of towns/entity"] for what in ("mean", "deviation")
    )
    expected = kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum(2)[batch.mask].mean()
    torch.testing.assert_close(terms["kl_towns/entity"], expected)


def test_padding_costs_nothing() -> None:
    block = block_of(mixes=False).eval()
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(1, 2, DIM, generator=generator)
    padded = torch.cat([tokens, torch.full((1, 3, DIM), 9.0)], dim=1)
    found = []
    for own in (tokens, padded):
        mask = torch.arange(own.shape[1]).unsqueeze(0) < 2
        streams = block.train()(Streams.tied(own, mask, TASKS))
        found.append(Divergences(Price()).of_task(streams, "entity").item())
    assert found[0] == pytest.approx(found[1], rel=1e-5)


# Final forms


def confidences_of(sentences: list[Any]) -> list[float]:
    return [
        value.confidence
        for sentence in sentences
        for value in (*sentence.sorted_entities, *sentence.sorted_relations)
    ]


HEADS: dict[str, dict[str, Any]] = {
    "paper": {},
    "hidden": {"relation_head": {"pair_hidden_dim": 6}},
    "features": {"relation_head": {"distance_dim": 3, "bilinear_dim": 2}},
    "spans": {"head": SpanEntityHeadConfig(hidden_dim=6, max_width=3)},
}


@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("confidences", ["mean", "averaged"])
def test_a_saved_model_says_the_same(heads: str, confidences: str, tmp_path: Path) -> None:
    options = HEADS[heads]
    config = tiny_config(
        sharing=section(normal_component=True, confidences=confidences),
        entity_head=options.get("head"),
        relation_head=options.get("relation_head"),
    )
    model = talkative_model(config)
    save_model(tmp_path / "model", model, config)
    loaded = load_model(tmp_path / "model").model
    batch = Batch.from_sentences(SENTENCES, model.featurise)
    expected, found = model.predict(batch), loaded.predict(batch)
    assert found == expected
    assert confidences_of(found) == confidences_of(expected)
    assert confidences_of(found)
    left = [name for name in loaded.stored_state() if "mixing" in name or "spreads" in name]
    assert not left
    spread = [name for name in loaded.stored_state() if name.endswith(".spread")]
    assert bool(spread) == (confidences == "averaged")


def test_the_final_form_has_the_size_of_the_network_without_gaussians() -> None:
    gaussian, plain = model_of(), model_of(prior="none", normal_component=False)
    sizes = [
        sum(tensor.numel() for tensor in model.finalize().stored_state().values())
        for model in (gaussian, plain)
    ]
    assert sizes[0] == sizes[1]
    assert sum(p.numel() for p in gaussian.parameters()) > sizes[0]


def test_finalising_changes_nothing_of_the_model_itself() -> None:
    model = model_of()
    before = copy.deepcopy(model.stored_state())
    final = model.finalize()
    assert not final.heads[ONLY].trained_parts
    assert model.heads[ONLY].trained_parts
    after = model.stored_state()
    assert all(torch.equal(before[name], after[name]) for name in before)
    plain = nn.Linear(2, 2)
    assert finalised(plain) is plain
    assert not trained_parts(plain)


def test_the_card_names_the_neighbours_of_tasks_and_types(tmp_path: Path) -> None:
    model = model_of()
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, Mixing):
                for logits in part.logits.parameters():
                    logits.copy_(-torch.arange(logits.numel()).reshape(logits.shape) * 1.0)
        for task in TASKS[:2]:
            model.get_parameter(f"sharing.blocks.1.mixing.logits.{task}.{STANDARD}").fill_(-1.0)
    save_model(tmp_path / "model", model, tiny_config(sharing=section(normal_component=True)))
    card = (tmp_path / "model" / CARD).read_text(encoding="utf-8")
    assert "Priors of tasks, their largest shares: entity from relation 100%, N(0, I) 0%" in card
    assert "Priors of relation types, their largest shares: based_in from lives_in 100%" in card
    assert "Priors of entity types" in card
    learned = json.loads((tmp_path / "model" / DESCRIPTION).read_text(encoding="utf-8"))["learned"]
    assert learned["sharing"]["tasks"]["entity"]["relation"] == pytest.approx(1.0, abs=1e-3)
    assert set(learned["heads"]) == {"entity_types", "relation_types"}


# Uncertainty


def test_the_average_over_the_weights_has_a_closed_form() -> None:
    """Against the mean of many draws."""
    torch.manual_seed(0)
    scores, variances = torch.linspace(-3, 3, 13), torch.linspace(0.1, 4, 13)
    drawn = scores + variances.sqrt() * torch.randn(50_000, 13)
    expected = torch.sigmoid(drawn).mean(0)
    torch.testing.assert_close(
        torch.sigmoid(averaged(scores, variances)), expected, atol=0.02, rtol=0
    )


@pytest.mark.parametrize("heads", HEADS)
def test_averaging_makes_relations_less_sure_and_never_turns_them_round(heads: str) -> None:
    options = HEADS[heads]
    found = []
    for confidences in ("mean", "averaged"):
        model = model_of(confidences=confidences, **options).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith(".spread"):
                    parameter.fill_(1.0)
        torch.manual_seed(3)
        streams = Streams.tied(torch.randn(1, 9, 5), torch.ones(1, 9).bool(), model.sharing.tasks)
        own = model.heads[ONLY]
        gold = SENTENCES[0].sorted_entities
        candidates = own.candidates([gold], torch.device("cpu"))
        logits = own.relation_logits(streams, own.emissions(streams), candidates)
        found.append(logits[own.relation_head.possible(candidates)])  # type: ignore[union-attr]
    mean, average = found
    assert torch.equal(mean.sign(), average.sign())
    assert bool((average.abs() < mean.abs()).all())


# Runs


def config_in(folder: Path, **settings: Any) -> Config:
    files = {
        name: (save_corpus(own, folder / f"{name}.jsonl"),)
        for name, own in (("train", TRAIN), ("dev", DEV))
    }
    sharing: SharingConfig = section(**{"normal_component": True, "anneal_epochs": 2, **settings})
    return tiny_config(DataConfig(**files), sharing=sharing)


def train_an_epoch(config: Config, folder: Path) -> None:
    """Stop a run when its first epoch is over."""
    epochs: list[EpochResult] = []
    events = training_events(config, folder, should_stop=lambda: bool(epochs))
    for event in events:
        epochs += [event] if isinstance(event, EpochResult) else []


@pytest.mark.parametrize("options", [{}, {"prior": "sampled", "confidences": "averaged"}])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(
    options: dict[str, Any], tmp_path: Path
) -> None:
    config = config_in(tmp_path, **options)
    for _ in training_events(config, tmp_path / "whole"):
        pass
    train_an_epoch(config, tmp_path / "parts")
    for _ in training_events(config, tmp_path / "parts", resume=True):
        pass
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")
    assert metrics(tmp_path / "parts") == metrics(tmp_path / "whole")
    (first, *_) = metrics(tmp_path / "whole")
    assert {"kl_entity", "kl_relation", "kl_entity_types"} <= set(first["losses"])
    assert Extractor.load(tmp_path / "whole" / "model").annotate(list(DEV))


@pytest.mark.parametrize("prior", ["sum", "normal", "none"])
def test_every_prior_trains(prior: Literal["sum", "normal", "none"], tmp_path: Path) -> None:
    config = config_in(tmp_path, prior=prior, normal_component=prior == "sum")
    *_, last = [e for e in training_events(config, tmp_path / "run") if isinstance(e, EpochResult)]
    assert any(name.startswith("kl_") for name in last.losses) == (prior != "none")


def test_training_cools_what_draws_the_shares() -> None:
    model = model_of(cooling=0.25)
    parts = [own for own in model.modules() if isinstance(own, Mixing)]
    assert len(parts) == 3
    cool(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert {float(own.temperature) for own in parts} == {0.75}


def test_classifiers_alone_leave_the_streams_of_depth() -> None:
    model = model_of(features=False, normal_component=False)
    assert set(strategy_of(section()).search_space(section(features=False))) >= {
        "classifier_weight"
    }
    batch = batch_of(TRAIN[:3], model)
    outputs = model.outputs(batch)
    assert set(outputs.penalties) == {"kl_entity_types", "kl_relation_types"}
    terms = {**Supervised({"entity": 1.0, "relation": 1.0})(outputs, batch, 0)}
    loss: Tensor = torch.stack([*terms.values()]).sum()
    assert math.isfinite(loss.item())
    assert model.sharing.takes_some


def test_auxiliary_tasks_are_neighbours_that_leave_no_trace_but_on_the_card(tmp_path: Path) -> None:
    """With them a corpus alone has tasks enough; what is saved has the two of it."""
    config = config_in(tmp_path, normal_component=False, anneal_epochs=0)
    config = with_changes(config, {"auxiliary": ["boundary", "related"]})
    for _ in training_events(config, tmp_path / "run"):
        pass
    (first, *_) = metrics(tmp_path / "run")
    assert {"kl_entity", "kl_relation", "kl_boundary", "kl_related"} <= set(first["losses"])
    loaded = load_model(tmp_path / "run" / "model").model
    assert loaded.sharing.tasks == TASKS[:2]
    assert not [name for name in loaded.stored_state() if "boundary" in name or "mixing" in name]
    described = json.loads((tmp_path / "run" / "model" / DESCRIPTION).read_text(encoding="utf-8"))
    shares = described["learned"]["sharing"]["tasks"]
    assert set(shares) == {"entity", "relation", "boundary", "related"}
    assert set(shares["entity"]) == {"relation", "boundary", "related"}


def test_an_auxiliary_task_of_no_weight_does_not_make_up_for_a_third(tmp_path: Path) -> None:
    config = config_in(tmp_path, normal_component=False)
    config = with_changes(config, {"auxiliary": [{"task": "boundary", "weight": 0.0}]})
    with pytest.raises(ModelError, match="2 tasks"):
        for _ in training_events(config, tmp_path / "run"):
            pass
