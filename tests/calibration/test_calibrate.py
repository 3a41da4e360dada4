"""The command: a model is calibrated, stored, loaded, and says what it said with other numbers."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus import SENTENCES, TRAIN, save_corpus
from tests.networks import tiny_config
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.config import parse_config
from dovetail.corpora import read_corpus
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.saved.ensemble_folder import (
    copy_saved,
    digest_of,
    load_predictor,
    save_ensemble,
)
from dovetail.saved.finding import shipped_models
from dovetail.saved.model_folder import load_model, save_model
from dovetail.text.confidence import PLAIN, Confidence
from dovetail.text.document import Entity, Sentence
from dovetail.training import training_events


def run(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, ["calibrate", *words])


def respelt(sentences: Sequence[Sentence], number: int) -> list[Sentence]:
    """The sentences with other words outside of entities, and other signs at their ends."""
    changed = []
    for sentence in sentences:
        tokens = [*sentence.tokens]
        tokens[-1] = f"{tokens[-1]}{number}"
        changed.append(
            Sentence.from_tokens(
                tokens,
                entities=(e for e in sentence.entities),
                relations=sentence.relations,
                id=f"{sentence.id}-{number}",
            )
        )
    return changed


def doubted(sentences: Sequence[Sentence], seed: int) -> list[Sentence]:
    """The sentences without a part of their annotations, so that a sure model is often wrong."""
    chance = random.Random(seed)
    changed = []
    for sentence in sentences:
        entities = {own for own in sentence.entities if chance.random() < 0.7}
        links = {own for own in sentence.relations if {own.head, own.tail} <= entities}
        changed.append(replace(sentence, entities=frozenset(entities), relations=frozenset(links)))
    return changed


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences like those of training, and annotations that the model is too sure of."""
    folder = tmp_path_factory.mktemp("dev")
    known = [own for number in range(4) for own in respelt(SENTENCES, number)]
    return save_corpus(doubted(known, 1), folder / "dev.jsonl")


@pytest.fixture
def model(trained_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_model, tmp_path / "model"))


def facts(sentences: Sequence[Sentence]) -> list[tuple[frozenset[Entity], frozenset[object]]]:
    return [(own.entities, own.relations) for own in sentences]


def test_the_same_is_found_with_other_confidences(model: Path, dev: Path, tmp_path: Path) -> None:
    result = run(model, dev, "-o", tmp_path / "new", "--json")
    assert result.exit_code == 0
    sentences = read_corpus(dev).sentences
    before, after = (Extractor.load(path).annotate(sentences) for path in (model, tmp_path / "new"))
    assert facts(before) == facts(after)
    assert any(
        one.confidence != other.confidence
        for first, second in zip(before, after, strict=True)
        for one, other in zip(first.sorted_entities, second.sorted_entities, strict=True)
    )
    (values,) = json.loads(result.stdout)["schemas"]
    error = values["calibration_error"]["relation"]
    assert error["after"] < error["before"] / 3
    description = json.loads((tmp_path / "new" / "model.json").read_text("utf-8"))
    assert description["version"] == 4
    assert description["confidence"][""]["entities"].keys() <= {"Person", "Place", "Company"}


def test_a_model_that_is_not_calibrated_is_written_as_before(model: Path) -> None:
    description = json.loads((model / "model.json").read_text("utf-8"))
    assert description["version"] == 2
    assert "confidence" not in description
    assert not any(own.confidence for own in load_model(model).model.heads.values())


def test_a_calibrated_model_is_saved_and_loaded_as_it_is(
    model: Path, dev: Path, tmp_path: Path
) -> None:
    assert run(model, dev, "--precision", 0.8).exit_code == 0
    saved = load_model(model)
    save_model(tmp_path / "again", saved.model, saved.config)
    again = load_model(tmp_path / "again")
    assert again.model.of_schema("").confidence == saved.model.of_schema("").confidence != PLAIN
    sentences = read_corpus(dev).sentences
    assert facts(Extractor.load(model).annotate(sentences)) == facts(
        Extractor.load(tmp_path / "again").annotate(sentences)
    )


def test_calibrating_twice_is_calibrating_once(model: Path, dev: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    assert run(model, dev, "-o", once).exit_code == 0
    assert run(once, dev, "-o", twice).exit_code == 0
    first, second = (json.loads((path / "model.json").read_text("utf-8")) for path in (once, twice))
    for type_, scale in first["confidence"][""]["relations"].items():
        other = second["confidence"][""]["relations"][type_]
        assert scale == pytest.approx(other, abs=0.02)
    assert (twice / "README.md").read_text("utf-8").count("## Confidence") == 1


def test_entities_that_were_left_out_stay_out(model: Path, dev: Path, tmp_path: Path) -> None:
    """Whether their threshold is of training, or of a calibration before."""
    saved = load_model(model)
    saved.model.set_confidence("", Confidence(least={"Person": 0.9, "Place": 0.8}))
    cautious, once, twice = (tmp_path / name for name in ("cautious", "once", "twice"))
    save_model(cautious, saved.model, saved.config)
    sentences = read_corpus(dev).sentences
    everything, before = (Extractor.load(own).annotate(sentences) for own in (model, cautious))
    assert facts(everything) != facts(before)
    for old, new in ((cautious, once), (once, twice)):
        result = run(old, dev, "-o", new, "--json")
        assert facts(Extractor.load(new).annotate(sentences)) == facts(before)
        (values,) = json.loads(result.stdout)["schemas"]
        known = load_model(new).model.of_schema("").confidence.least
        told = {row["type"]: row["threshold"] for row in values["types"] if row["task"] == "entity"}
        assert known.keys() == {"Person", "Place"}
        assert {type_: told[type_] for type_ in known} == pytest.approx(known)
    assert known != {"Person": 0.9, "Place": 0.8}  # they are for other confidences


@pytest.mark.parametrize("goal", ["precision", "recall"])
def test_what_is_wanted_is_reached_on_dev_as_the_command_says(
    goal: str, model: Path, dev: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    result = run(model, dev, f"--{goal}", 0.6, "-o", new, "--test", dev, "--json")
    assert result.exit_code == 0
    values = json.loads(result.stdout)
    rows = {(row["task"], row["type"]): row["after"] for row in values["test"]["rows"]}
    reached = [own for own in values["schemas"][0]["types"] if own["reached"]]
    assert reached
    for own in reached:
        score = rows[own["task"], own["type"]]
        if own["reached"]["is_reached"] and not own["is_common_threshold"]:
            assert score[goal] >= 0.6
            assert score[goal] == pytest.approx(own["reached"]["share"], abs=0.05)


def test_a_precision_that_cannot_be_reached_is_said_with_the_best_and_its_examples(
    model: Path, dev: Path, tmp_path: Path
) -> None:
    result = run(model, dev, "--precision", 1.0, "-o", tmp_path / "new")
    assert result.exit_code == 0
    card = (tmp_path / "new" / "README.md").read_text("utf-8")
    assert "not reached, this is the best" in card
    assert "Thresholds are for precision 1 of each type" in card
    values = json.loads(run(model, dev, "--precision", 1.0, "-o", tmp_path / "j", "--json").stdout)
    missed = [
        own["reached"]
        for own in values["schemas"][0]["types"]
        if own["reached"] and not own["reached"]["is_reached"]
    ]
    assert missed
    for own in missed:
        low, high = own["interval"]
        assert 0 <= low <= own["share"] <= high <= 1
        assert own["number"] > 0


def test_thresholds_of_one_task_leave_the_other_as_it_was(
    model: Path, dev: Path, tmp_path: Path
) -> None:
    options = ("--precision", 0.8, "--task", "relation", "-o", tmp_path / "new")
    assert run(model, dev, *options).exit_code == 0
    sentences = read_corpus(dev).sentences
    before, after = (Extractor.load(path).annotate(sentences) for path in (model, tmp_path / "new"))
    assert [own.entities for own in before] == [own.entities for own in after]
    assert run(model, dev, "--task", "relation").exit_code == 2
    assert run(model, dev, "--precision", 0.8, "--recall", 0.8).exit_code == 2


def test_training_sentences_are_left_out_and_a_training_set_is_refused(
    model: Path, dev: Path, tmp_path: Path
) -> None:
    known = save_corpus(TRAIN, tmp_path / "known.jsonl")
    result = run(model, known, "-o", tmp_path / "new")
    assert isinstance(result.exception, ModelError)
    assert "learned from" in str(result.exception)
    assert not (tmp_path / "new").exists()
    mixed = save_corpus([*read_corpus(dev).sentences, *TRAIN[:5]], tmp_path / "mixed.jsonl")
    result = run(model, mixed, "-o", tmp_path / "new", "--json")
    (note,) = json.loads(result.stdout)["notes"]
    assert note.startswith("5 sentences that the model learned from are left out")


def test_a_run_is_calibrated_on_its_own_dev_sentences(trained_model: Path, tmp_path: Path) -> None:
    run_folder = Path(shutil.copytree(trained_model.parent, tmp_path / "run"))
    assert run(run_folder).exit_code == 0
    assert load_model(run_folder / "model").model.of_schema("").confidence
    assert "the run's dev set" in (run_folder / "model" / "README.md").read_text("utf-8")


@pytest.fixture
def ensemble(model: Path, tmp_path: Path) -> Path:
    """A trained model and one like it with other thresholds, together."""
    other = load_model(model)
    other.model.relation_head.set_thresholds([0.2, 0.3, 0.4])
    save_model(tmp_path / "other", other.model, other.config)
    save_ensemble(tmp_path / "both", [model, tmp_path / "other"])
    return tmp_path / "both"


def test_an_ensemble_has_the_mean_scales_of_its_members_unless_it_is_calibrated_itself(
    model: Path, dev: Path, tmp_path: Path
) -> None:
    assert run(model, dev, "-o", tmp_path / "new").exit_code == 0
    ensemble = save_ensemble(tmp_path / "both", [model, tmp_path / "new"])
    own = load_model(tmp_path / "new").model.of_schema("").confidence
    for type_, scale in ensemble.heads[""].confidence.relations.items():
        assert scale.temperature == pytest.approx((1 + own.relations[type_].temperature) / 2)
    assert run(tmp_path / "both", dev).exit_code == 0
    calibrated = load_predictor(tmp_path / "both").model.of_schema("").confidence
    assert calibrated != ensemble.heads[""].confidence


def test_an_ensemble_that_is_calibrated_finds_the_same_with_truer_confidences(
    ensemble: Path, dev: Path, tmp_path: Path
) -> None:
    result = run(ensemble, dev, "-o", tmp_path / "new", "--json", "--test", dev)
    assert result.exit_code == 0, result.output
    sentences = read_corpus(dev).sentences
    before, after = (
        Extractor.load(path).annotate(sentences) for path in (ensemble, tmp_path / "new")
    )
    assert facts(before) == facts(after)
    (values,) = json.loads(result.stdout)["schemas"]
    error = values["calibration_error"]["relation"]
    assert error["after"] < error["before"]
    assert digest_of(tmp_path / "new") != digest_of(ensemble)
    assert "Confidences were calibrated" in (tmp_path / "new" / "README.md").read_text("utf-8")
    members = [load_model(tmp_path / "new" / "members" / place).model for place in "12"]
    assert not any(own.of_schema("").confidence for own in members)


def test_thresholds_of_an_ensemble_for_a_precision_are_its_own_and_stay(
    ensemble: Path, dev: Path, tmp_path: Path
) -> None:
    before = Extractor.load(ensemble).thresholds
    assert run(ensemble, dev, "--precision", 0.9).exit_code == 0
    after = Extractor.load(ensemble)
    assert after.thresholds != before
    copy_saved(ensemble, tmp_path / "copy")
    assert Extractor.load(tmp_path / "copy").thresholds == after.thresholds
    once = (ensemble / "model.json").read_bytes()
    assert run(ensemble, dev, "--precision", 0.9).exit_code == 0
    assert json.loads((ensemble / "model.json").read_text("utf-8"))["version"] == 2
    again = json.loads((ensemble / "model.json").read_text("utf-8"))["decisions"][""]
    assert again["thresholds"] == pytest.approx(json.loads(once)["decisions"][""]["thresholds"])


def test_an_ensemble_of_several_runs_needs_the_sentences_named(ensemble: Path) -> None:
    result = run(ensemble)
    assert isinstance(result.exception, ModelError)
    assert "an ensemble of models of several runs" in str(result.exception)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two schemas, and of one without dev sentences."""
    folder = tmp_path_factory.mktemp("several")
    known = [own for number in range(4) for own in respelt(SENTENCES, number)]
    dev = save_corpus(doubted(known, 1), folder / "dev.jsonl")
    config = tiny_config(
        training={"epochs": 8, "patience_epochs": 0}, relation_head={"threshold": 0.3}
    )
    values = config.model_dump(mode="json", exclude_none=True)
    del values["data"]
    train = str(save_corpus(TRAIN, folder / "train.jsonl"))
    values["corpora"] = [
        {"name": "a", "train": train, "dev": str(dev)},
        {"name": "b", "train": train, "dev": str(dev)},
        {"name": "blind", "train": train},
    ]
    for _ in training_events(parse_config(values), folder / "run"):
        pass
    return folder / "run"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("typo", "'typo'"),
        ("", "name one of them"),
        ("blind", "no dev sentences of the schema 'blind'"),
    ],
)
def test_a_schema_that_cannot_be_calibrated_is_refused_and_the_model_stays(
    several: Path, schema: str, told: str
) -> None:
    before = contents(several / "model")
    result = run(several, "--schema", schema)
    assert isinstance(result.exception, ModelError)
    assert told in str(result.exception)
    assert contents(several / "model") == before


@pytest.mark.parametrize("test", [True, False])
def test_what_cannot_be_tested_on_is_refused_before_anything_is_written(
    several: Path, tmp_path: Path, test: bool
) -> None:
    before = contents(several / "model")
    corpus = save_corpus(TRAIN, tmp_path / "test.jsonl") if test else tmp_path / "missing.jsonl"
    assert run(several, "--test", corpus).exit_code == 1
    assert contents(several / "model") == before


def test_calibrating_schema_after_schema_keeps_the_tables_of_all(
    several: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(several, tmp_path / "run"))
    card = folder / "model" / "README.md"
    assert run(folder, "--schema", "a").exit_code == 0
    rows = [line for line in card.read_text("utf-8").splitlines() if "`a/" in line]
    assert rows
    assert run(folder, "--schema", "b").exit_code == 0
    text = card.read_text("utf-8")
    assert [line for line in text.splitlines() if "`a/" in line] == rows
    assert text.count("## Confidence") == 1
    assert text.count("Confidences of `a`") == text.count("Confidences of `b`") == 1
    heads = load_model(folder / "model").model.heads
    assert [name for name, own in heads.items() if own.confidence] == ["a", "b"]
    assert run(folder, "--schema", "a").exit_code == 0
    again = card.read_text("utf-8")
    assert again.count("Confidences of `a`") == again.count("Confidences of `b`") == 1


def test_a_shipped_model_stays_as_it_is(dev: Path) -> None:
    for name in shipped_models():
        result = run(name, dev)
        assert result.exit_code == 2
        assert "--output" in result.output


def test_damaged_confidences_are_refused(model: Path, dev: Path) -> None:
    assert run(model, dev).exit_code == 0
    path = model / "model.json"
    whole = json.loads(path.read_text("utf-8"))
    for damage in ([], {"other": {}}, {"": {"entities": {"Person": {"temperature": -1}}}}):
        path.write_text(json.dumps({**whole, "confidence": damage}), "utf-8")
        with pytest.raises(ModelError, match="damaged"):
            load_model(model)
