"""Templates in a run: a pool of its own, filled with the names of the training sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.training.conftest import check_resumes_to_the_same_bits

from dovetail.config import Config, DataConfig
from dovetail.errors import CorpusFormatError, TrainingError
from dovetail.text.document import TASKS
from dovetail.training import training_events
from dovetail.training.pools import TEMPLATES, Pool, Splits
from dovetail.training.splits import read_splits

LINES = ["works_for 1 2 {Person} joined {Company}.", "- {Person} sued {Company}.", "- It hailed."]


def config_of(folder: Path, *lines: str, **fields: object) -> DataConfig:
    paths = {
        "train": save_corpus(TRAIN, folder / "train.jsonl"),
        "dev": save_corpus(DEV, folder / "dev.jsonl"),
    }
    templates = folder / "templates.txt"
    templates.write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = {name: (own,) for name, own in paths.items()}
    return DataConfig(**{**files, "templates": (templates,), "language": "en", **fields})


def pool_of(splits: Splits) -> Pool:
    (pool,) = (own for own in splits.pools if own.name == TEMPLATES)
    return pool


def test_filled_sentences_are_learned_for_both_tasks(tmp_path: Path) -> None:
    splits = read_splits(config_of(tmp_path, *LINES, templates_times=3))
    pool = pool_of(splits)
    assert splits.train == TRAIN
    assert (len(pool.sentences), pool.drawn) == (9, 9)
    assert {own.annotated for own in pool.sentences} == {frozenset(TASKS)}
    known = {
        " ".join(own.tokens[entity.start : entity.end]) for own in TRAIN for entity in own.entities
    }
    for sentence in pool.sentences[:6]:
        assert {
            " ".join(sentence.tokens[own.start : own.end]) for own in sentence.entities
        } <= known
    assert [len(own.relations) for own in pool.sentences] == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert splits.notes == ("data.templates: 9 of 9 sentences are learned from",)
    assert not any("data.templates" in warning for warning in splits.warnings)


def test_names_are_those_of_what_is_learned_from(tmp_path: Path) -> None:
    """Not those of the part of the sentences that is left out, or of the dev set."""
    config = config_of(tmp_path, "- {Person} slept.", templates_times=40, part="0:0.2")
    splits = read_splits(config)
    known = {own.tokens[e.start : e.end] for own in splits.train for e in own.entities}
    for sentence in pool_of(splits).sentences:
        (entity,) = sentence.entities
        assert sentence.tokens[entity.start : entity.end] in known


def test_types_that_training_lacks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"data.templates has relation types .* owns \(2\)"):
        read_splits(config_of(tmp_path, "owns 1 2 {Person} bought {Company}."))
    with pytest.raises(CorpusFormatError, match=r"templates.txt:1: there is no name for {Ship}"):
        read_splits(config_of(tmp_path, "- {Ship} sank."))


def run_config(folder: Path) -> Config:
    return tiny_config(config_of(folder, *LINES), training={"epochs": 3})


def test_a_run_with_templates_resumes_to_the_same_bits(tmp_path: Path) -> None:
    check_resumes_to_the_same_bits(run_config(tmp_path), tmp_path, stop_at=9)


def test_the_card_names_the_templates(tmp_path: Path) -> None:
    for _ in training_events(run_config(tmp_path), tmp_path / "run"):
        pass
    card = (tmp_path / "run" / "model" / "README.md").read_text("utf-8")
    assert f"- Templates: `{tmp_path / 'templates.txt'}`, filled 2 times\n" in card
