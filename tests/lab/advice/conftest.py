"""The tiny corpus as a job, and another one of several corpora."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config

from dovetail.config import Config, DataConfig, parse_config
from dovetail.text.document import Sentence
from dovetail.training.job import Job


def entities_alone(sentence: Sentence) -> Sentence:
    return replace(sentence, relations=frozenset(), annotated=frozenset({"entity"}))


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("advice")
    data = DataConfig(
        train=(save_corpus(TRAIN, folder / "train.jsonl"),),
        dev=(save_corpus(DEV, folder / "dev.jsonl"),),
    )
    return tiny_config(data, training={"epochs": 2, "batch_size": 11})


@pytest.fixture
def job(config: Config) -> Job:
    return Job.of(config)


@pytest.fixture(scope="session")
def several(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Two corpora: one of the tiny corpus, one of half of it with entities alone."""
    folder = tmp_path_factory.mktemp("several")
    path = save_corpus([entities_alone(own) for own in TRAIN[:11]], folder / "part.jsonl")
    values = config.model_dump(mode="json", exclude_none=True)
    whole = values.pop("data")
    part = {**whole, "name": "part", "train": [str(path)], "tasks": ["entity"]}
    values["corpora"] = [{**whole, "name": "whole"}, part]
    return Job.of(parse_config(values))
