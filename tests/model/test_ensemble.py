"""Models that decide together: against plain means over all tag paths, and against each other."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import product
from math import exp, log
from pathlib import Path

import pytest
import torch
from tests.corpus import SENTENCES, TRAIN
from tests.networks import ENCODERS, batch_of, pretrained, talkative_model, tiny_config, tiny_model

from dovetail.config import CrfEntityHeadConfig
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.model.ensemble import Ensemble
from dovetail.model.joint import JointModel
from dovetail.model.prediction import Predictor
from dovetail.strategies import DepthSharingConfig
from dovetail.tensors.features import Batch
from dovetail.text.document import ENTITY_TASK, Sentence
from dovetail.text.named_schemas import ONLY

SEEDS = (0, 1, 2)


def members_of(seeds: Sequence[int] = SEEDS) -> list[JointModel]:
    return [talkative_model(seed=seed) for seed in seeds]


def ensemble_of(members: Sequence[JointModel]) -> Ensemble:
    """An ensemble of copies: their heads, and what they stand on, stay as they are."""
    return Ensemble(deepcopy([*members])).eval()


def confidences(sentences: Sequence[Sentence]) -> list[list[float | None]]:
    return [
        [found.confidence for found in (*s.sorted_entities, *s.sorted_relations)] for s in sentences
    ]


def annotated(model: Predictor, sentences: Sequence[Sentence] = SENTENCES) -> list[Sentence]:
    return Extractor(model).annotate(sentences)


@torch.no_grad()
def path_probabilities(model: Predictor, sentence: Sentence) -> dict[tuple[int, ...], float]:
    """The probability of every tag path of a sentence."""
    batch = Batch.from_sentences([sentence], model.featurise)
    emissions = model.emissions(model.streams(batch))
    num_tags = len(model.entity_head.tag_set)
    paths = list(product(range(num_tags), repeat=len(sentence.tokens)))
    likelihoods = model.entity_head.crf.log_likelihood(
        emissions.expand(len(paths), -1, -1),
        torch.tensor(paths),
        batch.mask.expand(len(paths), -1),
    )
    return dict(zip(paths, likelihoods.double().exp().tolist(), strict=True))


def test_a_tag_path_has_the_geometric_mean_of_its_probabilities() -> None:
    members = members_of()
    sentence = Sentence.from_tokens(["Ada", "in", "Jena"])
    tables = [path_probabilities(member, sentence) for member in members]
    found = path_probabilities(ensemble_of(members), sentence)
    possible = [path for path in found if all(table[path] > 0 for table in tables)]
    means = {path: exp(sum(log(t[path]) for t in tables) / len(tables)) for path in possible}
    total = sum(means.values())
    assert len(possible) > 30
    for path in found:
        assert found[path] == pytest.approx(means.get(path, 0.0) / total, abs=1e-6)
    assert max(found, key=lambda path: found[path]) != max(
        tables[0], key=lambda path: tables[0][path]
    )


@torch.no_grad()
def test_a_relation_has_the_mean_of_its_log_odds() -> None:
    members = members_of()
    ensemble = ensemble_of(members)
    batch = batch_of(TRAIN[:8], members[0])
    assert batch.targets is not None
    candidates = batch.targets.candidates
    logits = []
    for model in (*members, ensemble):
        streams = model.streams(batch)
        logits.append(model.relation_logits(streams, model.emissions(streams), candidates))
    *each, found = logits
    torch.testing.assert_close(found, sum(each, torch.zeros_like(found)) / len(each))


@torch.no_grad()
def test_labels_are_those_of_the_ensembles_entities_for_each_member_in_its_own_kind() -> None:
    kinds = ("probabilities", "gold", "probabilities")
    configs = [tiny_config(relation_head={"labels": kind}) for kind in kinds]
    members = [talkative_model(own, seed=seed) for seed, own in enumerate(configs)]
    ensemble = ensemble_of(members)
    batch = batch_of(TRAIN[:8], members[0])
    assert batch.targets is not None
    candidates = batch.targets.candidates
    streams = ensemble.streams(batch)
    emissions = ensemble.emissions(streams)
    found = ensemble.relation_logits(streams, emissions, candidates)
    each = [
        member.of_schema(ONLY).relation_logits(
            own, emissions, candidates, entity_head=ensemble.entity_head
        )
        for member, own in zip(ensemble, streams, strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(each).mean(0))
    assert not torch.allclose(each[0], each[1])


def test_thresholds_are_the_means_of_those_of_the_members() -> None:
    members = members_of((0, 1))
    members[0].relation_head.set_thresholds([0.1, 0.5, 0.5])
    members[1].relation_head.set_thresholds([0.3, 0.5, 0.9])
    thresholds = [*Extractor(ensemble_of(members)).thresholds.values()]
    assert thresholds == pytest.approx([0.2, 0.5, 0.7])


def test_ensemble_of_one_says_what_the_model_says_to_the_bit() -> None:
    (member,) = members_of((0,))
    found, expected = annotated(ensemble_of([member])), annotated(member)
    assert found == expected
    assert confidences(found) == confidences(expected)
    assert any(sentence.relations for sentence in found)


def test_order_of_the_members_makes_no_difference() -> None:
    members = members_of()
    first = annotated(ensemble_of(members))
    for order in ((2, 0, 1), (1, 0, 2)):
        other = annotated(ensemble_of([members[place] for place in order]))
        assert other == first
        for ours, theirs in zip(confidences(first), confidences(other), strict=True):
            assert ours == pytest.approx(theirs, abs=1e-5)
    assert any(sentence.relations for sentence in first)


def test_a_model_twice_says_what_it_says_once() -> None:
    (member,) = members_of((1,))
    found, expected = annotated(ensemble_of([member, member])), annotated(member)
    assert found == expected
    for ours, theirs in zip(confidences(found), confidences(expected), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


@torch.no_grad()
def test_sentence_alone_is_read_as_in_a_batch() -> None:
    ensemble = ensemble_of(members_of())
    together = ensemble.predict(Batch.from_sentences(SENTENCES, ensemble.featurise))
    for sentence, expected in zip(SENTENCES, together, strict=True):
        (alone,) = ensemble.predict(Batch.from_sentences([sentence], ensemble.featurise))
        assert alone == expected


def test_members_may_share_as_much_as_they_like() -> None:
    """Only what they say has to have the same meaning."""
    deep = tiny_config(sharing=DepthSharingConfig(hidden_dim=4, shared_layers=2, entity_layers=0))
    members = [talkative_model(), talkative_model(deep, seed=3)]
    assert any(sentence.entities for sentence in annotated(ensemble_of(members)))


@pytest.fixture
def on_one_encoder(pretrained_folder: Path) -> list[JointModel]:
    config = tiny_config(encoders=(pretrained(pretrained_folder), *ENCODERS))
    return [talkative_model(config, seed=seed) for seed in SEEDS]


def test_frozen_encoder_of_all_members_is_held_and_run_once(
    on_one_encoder: list[JointModel],
) -> None:
    alone = [annotated(member) for member in on_one_encoder]
    ensemble = Ensemble(on_one_encoder).eval()
    assert ensemble.num_shared_encoders == 1
    transformers = [next(iter(member.encoder)).get_submodule("transformer") for member in ensemble]
    runs: list[int] = []
    for number, transformer in enumerate(transformers):
        transformer.register_forward_hook(lambda *_, number=number: runs.append(number))
    batch = Batch.from_sentences(SENTENCES[:4], ensemble.featurise)
    ensemble.predict(batch)
    assert runs == [0]
    states = [dict(transformer.named_parameters()) for transformer in transformers]
    assert states[0]
    assert all(state[name] is states[0][name] for state in states for name in states[0])
    assert [annotated(member) for member in on_one_encoder] == alone


def test_frozen_encoder_that_is_run_once_gives_each_member_what_its_own_gave(
    on_one_encoder: list[JointModel],
) -> None:
    batch = Batch.from_sentences(SENTENCES[:4], on_one_encoder[0].featurise)
    with torch.no_grad():
        expected = [member(batch)[ENTITY_TASK] for member in on_one_encoder]
        ensemble = Ensemble(on_one_encoder).eval()
        found = ensemble.streams(Batch.from_sentences(SENTENCES[:4], ensemble.featurise))
    for own, streams in zip(expected, found, strict=True):
        assert torch.equal(streams[ENTITY_TASK], own)


def test_encoders_that_differ_are_each_run(pretrained_folder: Path) -> None:
    members = [
        talkative_model(tiny_config(encoders=(pretrained(pretrained_folder, **settings),)))
        for settings in ({}, {"pooling": "mean"}, {"layers": "last"}, {"trained_layers": 1})
    ]
    expected = [annotated(member) for member in members]
    ensemble = ensemble_of(members)
    assert ensemble.num_shared_encoders == 0
    assert len(ensemble.featurise([["one"]])) == 4
    assert [annotated(member) for member in ensemble] == expected


@pytest.mark.parametrize("copied", [True, False])
def test_members_share_the_frozen_layers_below_their_trained_ones(
    copied: bool, pretrained_folder: Path
) -> None:
    frozen, trained = (
        tiny_config(
            encoders=(pretrained(pretrained_folder, trained_layers=trained_layers),),
            sharing=DepthSharingConfig(hidden_dim=6, cell=cell),
        )
        for trained_layers, cell in ((0, "gru"), (0, "pretrained") if copied else (2, "gru"))
    )
    members = [talkative_model(trained), talkative_model(trained, seed=1), talkative_model(frozen)]
    expected = [annotated(member) for member in members]
    ensemble = ensemble_of(members)
    assert ensemble.num_shared_encoders == 1
    assert len(ensemble.featurise([["one"]])) == 2
    batch = Batch.from_sentences(SENTENCES, ensemble.featurise)
    together = ensemble.streams(batch)
    for member, streams in zip(members, together, strict=True):
        alone = member(Batch.from_sentences(SENTENCES, member.featurise))
        for task in streams.by_task:
            torch.testing.assert_close(streams[task], alone[task])
    assert [annotated(member) for member in ensemble] == expected


def test_each_of_two_equal_encoders_of_a_member_has_a_place_of_its_own() -> None:
    twice = tiny_config(encoders=(*ENCODERS, ENCODERS[1]))
    members = [talkative_model(twice, seed=seed) for seed in SEEDS]
    expected = [annotated(member) for member in members]
    ensemble = ensemble_of(members)
    assert len(ensemble.encoders) == 3
    assert [annotated(member) for member in ensemble] == expected
    batch = Batch.from_sentences(SENTENCES, members[0].featurise)
    assert ensemble.predict(batch) == annotated(ensemble)


def test_models_that_do_not_mean_the_same_are_refused() -> None:
    model = tiny_model()
    with pytest.raises(ModelError, match="at least one model, found none"):
        Ensemble([])
    with pytest.raises(
        ModelError, match="the same entity types; model 1 has Company, Person, Place, "
    ):
        Ensemble([model, tiny_model(sentences=SENTENCES[:1])])
    config = tiny_config(entity_head=CrfEntityHeadConfig(scheme="bilou", hidden_dim=8))
    with pytest.raises(ModelError, match="only if they have the same tags"):
        Ensemble([model, tiny_model(config)])
