"""Entities of little confidence are left out by the trained model, and training goes on as ever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from tests.corpus import DEV, TRAIN
from tests.networks import tiny_config
from tests.training.conftest import metrics

from dovetail.config import CommitteeConfig, Config, DataConfig
from dovetail.config.sections.head_sections import CrfEntityHeadConfig, SpanEntityHeadConfig
from dovetail.evaluation import evaluate
from dovetail.extractor import Extractor
from dovetail.saved.ensemble_folder import load_predictor
from dovetail.text.document import Sentence
from dovetail.training import RunFinished, training_events

EPOCHS = {"crf": 15, "span": 30}  # until some entities are found
HEADS = {"crf": CrfEntityHeadConfig(hidden_dim=8), "span": SpanEntityHeadConfig(hidden_dim=8)}


def trained(config: Config, path: Path) -> RunFinished:
    *_, last = training_events(config, path)
    assert isinstance(last, RunFinished)
    return last


def with_threshold(config: Config, threshold: float) -> Config:
    head = config.entity_head.model_copy(update={"threshold": threshold})
    return config.model_copy(update={"entity_head": head})


def surer(sentence: Sentence, least: float) -> Sentence:
    kept = frozenset(own for own in sentence.entities if (own.confidence or 0.0) >= least)
    links = (own for own in sentence.relations if {own.head, own.tail} <= kept)
    return replace(sentence, entities=kept, relations=frozenset(links))


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("kind", HEADS)
def test_what_is_found_is_what_is_sure_enough_of_what_was(
    kind: str, members: int, data: DataConfig, tmp_path: Path
) -> None:
    """Of no relation feature here do other entities tell, so relations between those stay."""
    training = {"epochs": EPOCHS[kind], "learning_rate": 3e-2}
    config = tiny_config(data, entity_head=HEADS[kind], training=training)
    config = config.model_copy(update={"committee": CommitteeConfig(members=members)})
    without = trained(config, tmp_path / "without")
    found = Extractor.load(without.model_folder).annotate([*DEV, *TRAIN])
    least = median(own.confidence or 0.0 for sentence in found for own in sentence.entities)

    run = trained(with_threshold(config, least), tmp_path / "with")
    sure = Extractor.load(run.model_folder).annotate([*DEV, *TRAIN])
    assert sure == [surer(sentence, least) for sentence in found]
    card = (run.model_folder / "README.md").read_text("utf-8")
    assert f"of a confidence of {least:g} at least" in card
    assert 0 < sum(len(own.entities) for own in sure) < sum(len(own.entities) for own in found)
    assert metrics(tmp_path / "with") == metrics(tmp_path / "without")
    scores = evaluate(DEV, sure[: len(DEV)], bootstrap_samples=0)
    assert run.dev is not None
    assert run.dev.entity_strict.micro == scores.entity_strict.micro
    assert run.dev.relation_strict.micro == scores.relation_strict.micro


def test_members_of_a_committee_leave_them_out_when_they_are_alone(
    data: DataConfig, tmp_path: Path
) -> None:
    config = with_threshold(tiny_config(data, training={"epochs": 1}), 0.7)
    config = config.model_copy(update={"committee": CommitteeConfig(members=2)})
    model = load_predictor(trained(config, tmp_path / "run").model_folder).model
    for own in (model, *model):
        assert {*own.of_schema("").confidence.least.values()} == {0.7}


def test_model_without_a_threshold_is_saved_as_before(data: DataConfig, tmp_path: Path) -> None:
    run = trained(tiny_config(data, training={"epochs": 1}), tmp_path / "run")
    assert '"confidence"' not in (run.model_folder / "model.json").read_text("utf-8")
