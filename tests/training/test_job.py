"""A job: one config, pinned, with the sentences that it names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config

from dovetail.config import Config, DataConfig, DistillationConfig, with_changes
from dovetail.errors import TrainingError
from dovetail.lab.search.study import comparable
from dovetail.text.tokenization import Tokenizer
from dovetail.training.job import Job


@pytest.fixture
def teacher(tmp_path: Path, trained_model: Path) -> Path:
    """A model that a test may replace or remove."""
    return Path(shutil.copytree(trained_model, tmp_path / "teacher"))


@pytest.fixture
def config(tmp_path: Path, teacher: Path) -> Config:
    data = DataConfig(
        train=(save_corpus(TRAIN[:12], tmp_path / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "dev.jsonl"),),
    )
    others = save_corpus(TRAIN[12:], tmp_path / "others.jsonl")
    taught = DistillationConfig(teacher=str(teacher), unlabelled=(others,))
    return tiny_config(data).model_copy(update={"distillation": taught})


def test_run_is_read_again_when_its_teacher_is_gone(config: Config, teacher: Path) -> None:
    job = Job.of(config)
    assert job.config.distillation.teacher_sha256 is not None
    shutil.rmtree(teacher)
    assert Job.of_run(job.config) == job
    with pytest.raises(TrainingError, match=r"distillation\.teacher: there is no model at"):
        Job.of(config)


def test_other_config_on_the_same_corpora_shares_their_sentences(config: Config) -> None:
    job = Job.of(config)
    for other in (config, job.config):
        changed = with_changes(other, {"training.epochs": 7, "relation_head.signatures": "off"})
        again = job.with_config(changed)
        assert again.splits is job.splits
        assert again.config == with_changes(
            job.config, {"training.epochs": 7, "relation_head.signatures": "off"}
        )
        assert again.schema.signatures == {}
    fewer = job.with_config(with_changes(config, {"distillation.unlabelled_per_epoch": 2}))
    assert [pool.drawn for pool in fewer.splits.pools] == [12, 2]
    assert fewer == Job.of(fewer.config)


def test_trial_of_a_search_is_refused_another_teacher(config: Config, teacher: Path) -> None:
    job = Job.of(config)
    network = teacher / "network.toml"
    network.write_text(network.read_text("utf-8") + "# another one\n", "utf-8")
    with pytest.raises(TrainingError, match="is not the teacher that the config names"):
        job.with_config(job.config)


def test_further_raw_text_is_cut_by_the_language_of_the_training_text(tmp_path: Path) -> None:
    texts = {"train": "李明住在北京。", "dev": "李明不在。", "extra": "Li Ming in 1999."}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        (tmp_path / f"{name}.ann").write_text(f"T1\tPerson 0 2\t{text[:2]}\n", encoding="utf-8")
    paths = {name: (tmp_path / f"{name}.ann",) for name in texts}
    job = Job.of(tiny_config(DataConfig(**paths)))
    assert job.config.data.language == "zh"
    (sentence,) = job.splits.pools[1].sentences
    (cut,) = Tokenizer("zh").document(texts["extra"]).sentences
    assert sentence.tokens == cut.tokens


def test_machines_of_a_search_may_have_the_teacher_and_the_texts_elsewhere(
    config: Config, teacher: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    moved = {
        "distillation.teacher": str(shutil.copytree(teacher, tmp_path / "other" / "model")),
        "distillation.unlabelled": [str(save_corpus(TRAIN[12:], tmp_path / "other" / "un.jsonl"))],
    }
    here, there = Job.of(config), Job.of(with_changes(config, moved))
    assert comparable(here.config) == comparable(there.config)
    assert here.splits.digest == there.splits.digest
    unlike = with_changes(here.config, {"distillation.teacher_sha256": "0"})
    assert comparable(here.config) != comparable(unlike)
