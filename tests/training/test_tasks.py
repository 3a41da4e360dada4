"""Corpora without relations are learned for entities, unless somebody asks for relations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config

from dovetail.config import DataConfig, load_config, parse_config
from dovetail.errors import TrainingError
from dovetail.extractor import Extractor
from dovetail.lab.cell_events import Ending, Epoch
from dovetail.lab.experiment_cells import Cell
from dovetail.lab.experiment_work import CellWork
from dovetail.lab.search import default_space
from dovetail.lab.search.training_objective import TrainingObjective, job_to_tune
from dovetail.lab.strategies import strategies
from dovetail.report.run_report import report_of_run
from dovetail.running.steps import result_of
from dovetail.text.document import ENTITY_TASK, Sentence
from dovetail.training import RunFinished, RunStarted, training_events


def without_relations(sentence: Sentence) -> Sentence:
    return replace(sentence, relations=frozenset())


def unannotated(sentence: Sentence) -> Sentence:
    return replace(sentence, relations=frozenset(), annotated=frozenset({ENTITY_TASK}))


def data_of(
    change: Callable[[Sentence], Sentence], folder: Path, dev: Sequence[Sentence] = DEV
) -> DataConfig:
    return DataConfig(
        train=(save_corpus(list(map(change, TRAIN)), folder / "train.jsonl"),),
        dev=(save_corpus(list(map(change, dev)), folder / "dev.jsonl"),),
    )


CHANGES = pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unannotated, "none of the 22 training sentences is annotated for relations"),
        (without_relations, "the 22 training sentences hold no relation"),
    ],
)


@CHANGES
def test_entities_alone_are_learned_with_a_note(
    tmp_path: Path, change: Callable[[Sentence], Sentence], reason: str
) -> None:
    config = tiny_config(data_of(change, tmp_path), training={"epochs": 8})
    started, *_, finished = training_events(config, tmp_path / "run")
    assert isinstance(started, RunStarted)
    (note,) = started.splits.notes
    assert note.startswith(f"note: {reason}, so entities alone are learned")
    assert isinstance(finished, RunFinished)
    assert finished.dev is not None
    assert finished.dev.entity_strict.micro.f1 > 0.2
    extractor = Extractor.load(tmp_path / "run" / "model")
    assert not any(sentence.relations for sentence in extractor.annotate(DEV))
    for file in ("config.toml", "model/config.toml"):
        training = load_config(tmp_path / "run" / file).training
        assert training.relation_loss_weight == 0
        assert training.select == "entity"
    _, again = training_events(config, tmp_path / "run", resume=True)
    assert again == finished
    assert report_of_run(tmp_path / "run").dev is not None


@CHANGES
@pytest.mark.parametrize(
    ("training", "wish"),
    [
        ({"relation_loss_weight": 5.0}, "training.relation_loss_weight = 5"),
        ({"select": "relation"}, 'training.select = "relation"'),
    ],
)
def test_wish_for_relations_that_are_not_there_is_refused(
    tmp_path: Path,
    change: Callable[[Sentence], Sentence],
    reason: str,
    training: dict[str, object],
    wish: str,
) -> None:
    config = tiny_config(data_of(change, tmp_path), training=training)
    with pytest.raises(TrainingError) as refusal:
        next(training_events(config, tmp_path / "run"))
    assert f"{reason}, so" in str(refusal.value)
    assert f"asks for them by {wish}:" in str(refusal.value)


def test_one_relation_in_the_training_sentences_is_learned(tmp_path: Path) -> None:
    train_path = save_corpus([*map(unannotated, TRAIN[1:]), TRAIN[0]], tmp_path / "one.jsonl")
    config = tiny_config(DataConfig(train=(train_path,), dev=data_of(unannotated, tmp_path).dev))
    started = next(training_events(config, tmp_path / "run"))
    assert isinstance(started, RunStarted)
    assert started.schema.relation_types == ("lives_in",)
    assert started.splits.notes == ()


def test_weight_of_zero_needs_no_note(tmp_path: Path) -> None:
    config = tiny_config(
        data_of(unannotated, tmp_path), training={"relation_loss_weight": 0.0, "select": "entity"}
    )
    started = next(training_events(config, tmp_path / "run"))
    assert isinstance(started, RunStarted)
    assert started.splits.notes == ()


def test_other_doors_learn_entities_alone_too(tmp_path: Path) -> None:
    """Searching, comparing ways of sharing, and experiments, which hand the config on as TOML."""
    data = data_of(unannotated, tmp_path)
    config = parse_config(
        {
            "data": data.model_dump(mode="json", exclude_unset=True),
            "encoders": [{"kind": "characters", "embedding_dim": 6, "hidden_dim": 4}],
            "sharing": {"hidden_dim": 6},
            "training": {"epochs": 1, "learning_rate": 1e-2, "precision": "fp32", "threads": 1},
        }
    )
    job = job_to_tune(config)
    assert job.config.training.relation_loss_weight == 0
    assert "training.relation_loss_weight" not in default_space(job.config).entries
    assert len(job.splits.notes) == 1
    *_, last = TrainingObjective(job)(config)
    assert isinstance(last, Epoch)
    assert last.score == last.result.entity_f1

    assert all(strategy.costs or strategy.problem for strategy in strategies(job))

    cell = Cell("a", "all", 1, config)
    assert result_of(CellWork(tmp_path / "cells")(cell)).ending is Ending.FINISHED


def test_card_of_a_model_of_entities_says_nothing_of_relations(tmp_path: Path) -> None:
    config = tiny_config(data_of(unannotated, tmp_path), training={"epochs": 1})
    list(training_events(config, tmp_path / "run"))
    card = (tmp_path / "run" / "model" / "README.md").read_text("utf-8")
    assert "None: the model was trained to find entities alone." in card
    assert "- entities " in card
    assert "- relations " not in card
