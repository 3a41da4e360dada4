"""Couplings in models of several schemas, and over the pools of a single corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.training.conftest import metrics

from dovetail.config import Config, DataConfig, parse_config
from dovetail.errors import TrainingError
from dovetail.text.document import Entity, Sentence
from dovetail.training import train, training_events
from dovetail.training.coupled import domains_of
from dovetail.training.job import Job

HALF = len(TRAIN) // 2


def mentions(sentence: Sentence) -> Sentence:
    """Every entity is a mention, and nothing is related."""
    spans = [Entity(entity.start, entity.end, "Mention") for entity in sentence.entities]
    return replace(sentence.with_annotations(spans, ()), annotated=frozenset({"entity"}))


@pytest.fixture
def other(tmp_path: Path) -> dict[str, Any]:
    """A corpus of a schema of its own, without relations."""
    paths = {
        split: str(save_corpus([mentions(own) for own in part], tmp_path / f"{split}.jsonl"))
        for split, part in (("train", TRAIN), ("dev", DEV))
    }
    return {"name": "other", **paths}


def test_each_batch_is_coupled_by_what_is_known_of_its_schema(
    coupled: Callable[..., Config], other: dict[str, Any], tmp_path: Path
) -> None:
    matching_all = {"kind": "matching", "relation_weight": 1.0}
    config = coupled(matching_all, {"kind": "adversarial"}, training={"epochs": 1})
    values = config.model_dump(mode="json", exclude_none=True)
    config = parse_config({**values, "corpora": [*values["corpora"], other]})
    for _ in training_events(config, tmp_path / "run"):
        pass
    (line,) = metrics(tmp_path / "run")
    supervised = {"tiny/entity", "tiny/relation", "other/entity"}
    matching = {"tiny/matching", "tiny/soft_entity", "tiny/soft_relation"}
    assert line["losses"].keys() == supervised | matching | {"tiny/adversarial", "discriminator"}


@pytest.fixture
def with_extra(tmp_path: Path) -> DataConfig:
    """Sentences of both tasks, and extra ones of entities only."""
    return DataConfig(
        train=(save_corpus(TRAIN[:HALF], tmp_path / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "dev.jsonl"),),
        extra=(save_corpus(TRAIN[HALF:], tmp_path / "extra.jsonl"),),
        extra_tasks=("entity",),
    )


@pytest.mark.parametrize(
    ("coupling", "term"),
    [
        ({"kind": "matching", "relation_weight": 1.0}, "soft_relation"),
        ({"kind": "adversarial"}, "discriminator"),
    ],
    ids=["matching", "adversarial"],
)
def test_extra_sentences_are_a_domain_of_their_own(
    with_extra: DataConfig, coupling: dict[str, Any], term: str, tmp_path: Path
) -> None:
    values = tiny_config(with_extra, training={"epochs": 1}).model_dump(mode="json")
    config = parse_config({**values, "couplings": [coupling]})
    domains = domains_of(Job.of(config))
    assert [own.name for own in domains] == ["training", "extra"]
    for _ in training_events(config, tmp_path / "run"):
        pass
    (line,) = metrics(tmp_path / "run")
    assert line["losses"][term] > 0


def test_a_corpus_that_does_not_fit_is_refused_before_the_first_epoch(tmp_path: Path) -> None:
    whole = save_corpus(TRAIN, tmp_path / "train.jsonl")
    values = tiny_config(DataConfig(train=(whole,), dev_fraction=0.3)).model_dump(mode="json")
    config = parse_config({**values, "couplings": [{"kind": "adversarial"}]})
    seen: list[object] = []
    with pytest.raises(TrainingError, match="aligns corpora of one schema, and no schema has two"):
        train(config, tmp_path / "run", notify=seen.append)
    assert not seen
