"""Every command comes to the sentences of a config in the same way, whatever the config names."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.config import DataConfig, dump_config, load_config, with_changes
from dovetail.lab.strategies import strategies
from dovetail.text.document import ENTITY_TASK, Sentence
from dovetail.training.job import Job


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False
    )


def of_entities(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The sentences as a corpus has them that is annotated for entities alone."""
    annotated = frozenset({ENTITY_TASK})
    return [replace(own, relations=frozenset(), annotated=annotated) for own in sentences]


def config_file(folder: Path, changes: Mapping[str, Any], train: Sequence[Sentence]) -> Path:
    """A config on all but the last training sentences, with something changed."""
    data = DataConfig(
        train=(save_corpus(train, folder / "train.jsonl"),),
        dev=(save_corpus(DEV[:4], folder / "dev.jsonl"),),
        held_out=(save_corpus(DEV[4:], folder / "held_out.jsonl"),),
    )
    config = tiny_config(data, relation_head={"signatures": "learned"}, training={"epochs": 2})
    path = folder / "config.toml"
    path.write_text(dump_config(with_changes(config, changes), defaults=False), encoding="utf-8")
    return path


def with_teacher(folder: Path, model: Path) -> Path:
    """A student, of whose sentences some are learned from the teacher alone."""
    others = save_corpus([*TRAIN[14:], DEV[0]], folder / "others.jsonl")
    text = folder / "letter.txt"
    text.write_text("Rudolf worked for Zeiss. It snowed in Jena.\n", encoding="utf-8")
    extra = save_corpus(TRAIN[12:16], folder / "extra.jsonl")
    changes = {
        "data.extra": [str(extra)],
        "distillation.teacher": str(model),
        "distillation.unlabelled": [str(others), str(text)],
        "distillation.unlabelled_per_epoch": 3,
    }
    return config_file(folder, changes, TRAIN[:12])


def with_entities(folder: Path, model: Path) -> Path:
    """A corpus of entities alone, about which the config says nothing."""
    path = config_file(folder, {}, of_entities(TRAIN))
    text = path.read_text("utf-8").replace("relation_loss_weight = 5.0\n", "")
    path.write_text(text, encoding="utf-8")
    return path


def with_entities_named(folder: Path, model: Path) -> Path:
    """A corpus of entities alone, as the config says."""
    alone = {"training.relation_loss_weight": 0.0, "training.select": "entity"}
    return config_file(folder, alone, of_entities(TRAIN))


def with_fraction(folder: Path, model: Path) -> Path:
    """A dev set that is set apart."""
    return config_file(folder, {"data.dev": [], "data.dev_fraction": 0.3}, TRAIN)


def with_base(folder: Path, model: Path) -> Path:
    """A task that is added to a model."""
    sharing = {"kind": "bank", "base": str(model), "add_tasks": ["relation"]}
    return config_file(folder, {"sharing": sharing}, TRAIN)


KINDS = (with_teacher, with_entities, with_entities_named, with_fraction, with_base)


@pytest.fixture(params=KINDS, ids=lambda make: make.__name__)
def config(request: pytest.FixtureRequest, tmp_path: Path, trained_model: Path) -> Path:
    made: Path = request.param(tmp_path, trained_model)
    return made


def test_search_begins_with_the_run_that_train_makes(config: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    trained = run("train", config, "--runs", runs)
    assert trained.exit_code == 0, trained.output
    metrics = (runs / "tiny" / "metrics.jsonl").read_text("utf-8").splitlines()
    tuned = run("tune", config, "--runs", runs, "--trials", "1", "--name", "search")
    assert tuned.exit_code == 0, tuned.output
    with (runs / "search-tuning" / "trials.csv").open(encoding="utf-8") as file:
        (trial,) = csv.DictReader(file)
    assert trial["state"] == "complete", trial["message"]
    best = max(json.loads(line)["score"] for line in metrics)
    assert float(trial["score"]) == pytest.approx(best, abs=1e-4)
    said = [line for line in trained.output.splitlines() if "sentences are learned from" in line]
    assert all(line in tuned.output.splitlines() for line in said)
    recipe = load_config(runs / "search-tuning" / "best.toml")
    complete = load_config(runs / "tiny" / "config.toml")
    assert recipe.model_copy(update={"name": "tiny"}) == complete


def test_run_is_reported_on_with_the_sentences_that_it_had(config: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run("train", config, "--runs", runs)
    reported = run("report", runs / "tiny")
    assert reported.exit_code == 0, reported.output
    page = (runs / "tiny" / "report.html").read_text("utf-8")
    assert "The corpora are not those" not in page
    for pool in Job.of(load_config(config)).splits.pools:
        assert f">{pool.name}</th>" in page


def test_ways_of_sharing_are_counted(config: Path) -> None:
    counted = run("strategies", config)
    assert counted.exit_code == 0, counted.output
    assert any(" * " in line for line in counted.output.splitlines())
    (own,) = [way for way in strategies(Job.of(load_config(config))) if way.is_configured]
    assert own.costs is not None, own.problem
    assert own.costs.multiply_adds > 0


def test_experiment_does_its_cells(config: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'name = "plan"\nconfig = "{config}"\nseeds = [1]\n'
        '[[configs]]\nname = "one"\n[[configs]]\nname = "both"\nensemble_of = "one"\n',
        encoding="utf-8",
    )
    done = run("experiment", plan, "--runs", tmp_path / "runs", "--smoke")
    assert done.exit_code == 0, done.output
    assert "[2/2]" in done.output
