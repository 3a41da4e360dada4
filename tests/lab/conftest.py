"""A small plan over the tiny corpus, whose cells train in a second."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config

from dovetail.config import DataConfig, dump_config

PLAN = """
name = "tiny"
config = "config.toml"
test = "{test}"
seeds = [1, 2]

[[configs]]
name = "full"

[[configs]]
name = "no entity layers"
set = ["sharing.entity_layers=0"]

[[configs]]
name = "together"
ensemble_of = "full"
"""


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A plan of four trainings and an ensemble, beside its config and corpora."""
    data = DataConfig(
        train=(save_corpus(TRAIN, tmp_path / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "dev.jsonl"),),
    )
    config = tiny_config(data, training={"epochs": 2})
    (tmp_path / "config.toml").write_text(dump_config(config), encoding="utf-8")
    path = tmp_path / "plan.toml"
    test = save_corpus(DEV[:6], tmp_path / "test.jsonl")
    path.write_text(PLAN.format(test=test), encoding="utf-8")
    return path
