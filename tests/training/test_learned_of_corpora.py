"""What several corpora learn from beside their annotations: a teacher, extra sentences, rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.training.test_several_corpora import mentions, renamed

from dovetail.config import Config, parse_config, with_changes
from dovetail.errors import TrainingError
from dovetail.saved.model_folder import load_model
from dovetail.text.document import Sentence
from dovetail.text.wording import wordings
from dovetail.training import EpochResult, RunFinished, TeachingProgress, training_events
from dovetail.training.job import Job
from dovetail.training.long_sentences import LearnedSentences
from dovetail.training.pools import EXTRA
from dovetail.training.teacher import asked

CORPORA = {"towns": lambda s: s, "cities": renamed, "mentions": mentions}


def config_of(folder: Path, names: list[str], **fields: dict[str, Any]) -> Config:
    values = tiny_config(training={"epochs": 1}).model_dump(mode="json", exclude_none=True)
    del values["data"]
    values["corpora"] = [
        {
            "name": name,
            **{
                split: str(
                    save_corpus([CORPORA[name](s) for s in own], folder / f"{name}-{split}.jsonl")
                )
                for split, own in {"train": TRAIN, "dev": DEV}.items()
            },
            **fields.get(name, {}),
        }
        for name in names
    ]
    return parse_config(values)


def events_of(config: Config, folder: Path) -> list[Any]:
    return [*training_events(config, folder)]


def halves(folder: Path, **fields: Any) -> Config:
    """Entities on one half, relations on the other."""
    config = config_of(folder, ["towns"])
    own = config.corpora[0].model_dump(mode="json", exclude_none=True)
    common = {**own, "schema_name": "towns"}
    first = {"name": "entities", "tasks": ["entity"], "part": "0:0.5", **fields}
    second = {"name": "relations", "tasks": ["relation"], "part": "0.5:1"}
    return with_changes(config, {"corpora": [{**common, **first}, {**common, **second}]})


def test_student_learns_of_a_teacher_of_the_same_schemas(tmp_path: Path) -> None:
    config = config_of(tmp_path, [*CORPORA])
    *_, taught = events_of(config, tmp_path / "teacher")
    assert isinstance(taught, RunFinished)
    changes = {"distillation.teacher": str(taught.model_folder), "distillation.weight": 0.5}
    student = with_changes(config, changes)
    events = events_of(student, tmp_path / "student")
    told = [event for event in events if isinstance(event, TeachingProgress)]
    assert (told[0].done, told[-1].done) == (0, 3 * len(TRAIN))
    (epoch,) = (event for event in events if isinstance(event, EpochResult))
    tasks = {
        "towns/entity",
        "towns/relation",
        "cities/entity",
        "cities/relation",
        "mentions/entity",
    }
    assert tasks | {f"taught_{task}" for task in tasks} == {*epoch.losses}


def test_teacher_says_of_each_sentence_what_its_schema_says(tmp_path: Path) -> None:
    config = config_of(tmp_path, [*CORPORA])
    *_, finished = events_of(config, tmp_path / "teacher")
    model = load_model(finished.model_folder).model
    for name in CORPORA:
        heads = model.of_schema(name)
        own = [CORPORA[name](sentence) for sentence in TRAIN[:2]]
        (_, taught), *_ = asked(model, own, 1.0, name)
        number = len(TRAIN[0].entities)
        types = 0 if heads.relation_head is None else len(heads.schema.relation_types)
        assert taught.relations.shape == (number, number, types)
        assert torch.isfinite(taught.of_tokens).all()
    drawn = LearnedSentences.of(Job.of(config).splits.pools, config.reading)
    assert [own.schema for own in drawn.portions] == [*CORPORA]


def test_teacher_of_other_schemas_is_refused(tmp_path: Path) -> None:
    *_, finished = events_of(config_of(tmp_path, ["towns", "cities"]), tmp_path / "teacher")
    changes = {"distillation.teacher": str(finished.model_folder)}
    student = with_changes(config_of(tmp_path, ["towns", "mentions"]), changes)
    with pytest.raises(TrainingError, match=r"need the same schemas.* has towns, cities and the"):
        events_of(student, tmp_path / "student")


def test_halves_learn_the_missing_task_of_a_teacher(tmp_path: Path) -> None:
    *_, masked = events_of(halves(tmp_path), tmp_path / "masked")
    changes = {"distillation.teacher": str(masked.model_folder), "distillation.weight": 0.5}
    events = events_of(with_changes(halves(tmp_path), changes), tmp_path / "student")
    (epoch,) = (event for event in events if isinstance(event, EpochResult))
    assert {*epoch.losses} == {"entity", "relation", "taught_entity", "taught_relation"}


def test_declared_relations_of_several_corpora_are_named_by_schema(tmp_path: Path) -> None:
    config = config_of(tmp_path, ["towns", "cities"])
    declared = {"towns/lives_in": [["Person", "Place"]], "cities/is_lives_in": [["Name", "City"]]}
    changes = {"relation_head.signatures": "declared", "relation_head.declared": declared}
    schemas = Job.of(with_changes(config, changes)).schemas
    assert schemas["towns"].signatures == {"lives_in": frozenset({("Person", "Place")})}
    assert schemas["cities"].signatures == {"is_lives_in": frozenset({("Name", "City")})}
    unknown = {**changes, "relation_head.declared": {"towns/rules": [["Person", "Place"]]}}
    with pytest.raises(TrainingError, match=r"rules, which no training sentence has"):
        _ = Job.of(with_changes(config, unknown)).schemas


def test_extra_sentences_do_not_bring_back_what_the_other_half_is_to_lack(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="all sentences of extra are sentences of other"):
        Job.of(halves(tmp_path, extra=[str(save_corpus(TRAIN, tmp_path / "all.jsonl"))]))
    fresh = save_corpus([*TRAIN, *DEV, *renamed_words()], tmp_path / "fresh.jsonl")
    job = Job.of(halves(tmp_path, extra=[str(fresh)]))
    (pool,) = (own for own in job.splits.pools if own.name == EXTRA)
    assert wordings(pool.sentences) == wordings(renamed_words())
    reasons = {own.reason for own in job.splits.left_out}
    assert "in the training data of relations" in reasons
    assert any("11 sentences of extra are left out" in note for note in job.splits.notes)


def renamed_words() -> list[Sentence]:
    """Sentences that are in no half."""
    tokens = ("Eve", *TRAIN[0].tokens[1:])
    return [Sentence.from_tokens(tokens, entities=TRAIN[0].entities, id="new")]
