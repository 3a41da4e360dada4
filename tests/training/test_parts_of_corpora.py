"""Parts of the training sentences: how they are read, said, and kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import tiny_config
from typer.testing import CliRunner

from dovetail.cli import app
from dovetail.config import Config, DataConfig, dump_config, load_config, parse_config
from dovetail.config.changes import with_changes
from dovetail.errors import ConfigError, TrainingError
from dovetail.report.config_summary import config_summary
from dovetail.text.wording import wordings
from dovetail.training import RunStarted, training_events
from dovetail.training.job import Job
from dovetail.training.pools import EXTRA, UNLABELLED
from dovetail.training.splits import read_splits


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    return {
        "train": (save_corpus(TRAIN, tmp_path / "train.jsonl"),),
        "dev": (save_corpus(DEV, tmp_path / "dev.jsonl"),),
    }


def halves(files: dict[str, Any], **second: Any) -> Config:
    """Entities are annotated on one half of a file, and relations on the other."""
    values = tiny_config().model_dump(mode="json", exclude_none=True)
    del values["data"]
    own = {name: [str(path) for path in paths] for name, paths in files.items()}
    common = {**own, "schema_name": "towns"}
    values["corpora"] = [
        {**common, "name": "entities", "tasks": ["entity"], "part": "0:0.5"},
        {**common, "name": "relations", "tasks": ["relation"], "part": "0.5:1", **second},
    ]
    return parse_config(values)


def test_part_is_learned_from_and_said(files: dict[str, Any]) -> None:
    splits = read_splits(DataConfig(**files, part="0:0.5"))
    assert len(splits.train) == len(TRAIN) / 2
    assert splits.notes == (
        "the part 0:0.5, drawn by part_seed = 0, has 11 of 22 training sentences",
    )
    rest = read_splits(DataConfig(**files, part="0.5:1"))
    assert {*splits.train} | {*rest.train} == {*TRAIN}
    other = read_splits(DataConfig(**files, part="0:0.5", part_seed=1))
    assert other.train != splits.train


def test_dev_sentences_that_are_set_apart_are_the_same_whatever_the_part(tmp_path: Path) -> None:
    path = save_corpus(SENTENCES, tmp_path / "all.jsonl")
    whole = read_splits(DataConfig(train=(path,), dev_fraction=0.2))
    for part in ("0:0.3", "0.3:1"):
        splits = read_splits(DataConfig(train=(path,), dev_fraction=0.2, part=part))
        assert splits.dev == whole.dev
        assert {*splits.train} < {*whole.train}


def test_part_without_sentences_is_refused(files: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=r"0 of 22 training sentences.* larger data\.part"):
        read_splits(DataConfig(**files, part="0:0.001"))
    with pytest.raises(ConfigError, match=r"data\.part: .*two shares between 0 and 1"):
        parse_config({"data": {"train": "a", "dev": "b", "part": "half"}})


def test_rest_of_the_file_may_be_extra_or_unlabelled(files: dict[str, Any]) -> None:
    part = read_splits(DataConfig(**files, part="0:0.5"))
    for tasks in (("entity",), ("relation",)):
        data = DataConfig(**files, part="0:0.5", extra=files["train"], extra_tasks=tasks)
        extra = next(own for own in read_splits(data).pools if own.name == EXTRA)
        assert wordings(extra.sentences) == wordings(TRAIN) - wordings(part.train)
        assert {own.annotated for own in extra.sentences} == {frozenset(tasks)}
    config = tiny_config(DataConfig(**files, part="0:0.5"))
    teaching = {"teacher": "news", "unlabelled": [str(files["train"][0])]}
    config = with_changes(config, {"distillation": teaching})
    splits = read_splits(config.data, config.distillation)
    pool = next(own for own in splits.pools if own.name == UNLABELLED)
    assert wordings(pool.sentences) == wordings(TRAIN) - wordings(part.train)
    with pytest.raises(ConfigError, match="is in train too"):
        with_changes(config, {"data.part": "0:1", "data.extra": [str(files["train"][0])]})


def test_halves_for_one_task_each_have_no_sentence_in_common(files: dict[str, Any]) -> None:
    job = Job.of(halves(files))
    entities, relations = (corpus.splits.train for corpus in job.corpora)
    assert wordings(entities).isdisjoint(wordings(relations))
    assert wordings(entities) | wordings(relations) == wordings(TRAIN)
    assert {own.annotated for own in entities} == {frozenset({"entity"})}
    assert {own.annotated for own in relations} == {frozenset({"relation"})}
    assert not any("too" in note for note in job.splits.notes)
    assert [*job.schemas] == [""]
    assert job.schema.relation_types  # of the half that has them


def test_sentences_that_two_corpora_of_a_schema_learn_from_are_counted(
    files: dict[str, Any],
) -> None:
    notes = Job.of(halves(files, part="0.25:1")).splits.notes
    assert any(
        note == "relations: 5 of 16 training sentences are learned from in entities too"
        for note in notes
    )
    assert Job.of(halves(files, part_seed=5)).splits.notes[-1].endswith("in entities too")


def test_another_part_is_read_anew_for_another_config(files: dict[str, Any]) -> None:
    job = Job.of(tiny_config(DataConfig(**files, part="0:0.5")))
    other = job.with_config(with_changes(job.config, {"data.part": "0:1"}))
    assert len(other.splits.train) == len(TRAIN)
    assert job.splits.digest != other.splits.digest


def test_training_says_how_many_sentences_there_are_and_the_card_which(
    files: dict[str, Any], tmp_path: Path
) -> None:
    config = tiny_config(DataConfig(**files, part="0:0.5"), training={"epochs": 1})
    events = [*training_events(config, tmp_path / "run")]
    (started,) = (event for event in events if isinstance(event, RunStarted))
    assert started.splits.notes[0].endswith("11 of 22 training sentences")
    card = (tmp_path / "run" / "model" / "README.md").read_text("utf-8")
    assert "the part 0:0.5, drawn by part_seed = 0" in card
    stored = load_config(tmp_path / "run" / "config.toml")
    assert stored.data.part == "0:0.5"
    assert config_summary(stored)[0] == (
        *("training sentences", "the part 0:0.5, drawn by part_seed = 0"),
    )


def test_command_line_takes_parts(files: dict[str, Any], tmp_path: Path) -> None:
    (path,) = files["train"]
    done = CliRunner().invoke(app, ["inspect", str(path), "--part", "0:0.5", "--json"])
    assert done.exit_code == 0
    assert '"sentences": 11' in done.output
    config = tmp_path / "config.toml"
    config.write_text(dump_config(tiny_config(DataConfig(**files))), encoding="utf-8")
    told = ["train", str(config), "--runs", str(tmp_path), "--set", "data.part=0:0.1"]
    done = CliRunner().invoke(app, [*told, "--set", "training.epochs=1"])
    assert "has 2 of 22 training sentences" in done.output
