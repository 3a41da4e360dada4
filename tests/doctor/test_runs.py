"""What shows in a run, and in cross-validation; and the command that says it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.doctor.planted import Corpus, Text
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.config import load_config
from dovetail.corpora import read_corpus
from dovetail.doctor.cross_validation import small_config
from dovetail.doctor.examination import examined, patients_of_run
from dovetail.doctor.finding import Disease, Finding
from dovetail.saved.model_folder import load_model, save_model
from dovetail.training import train

TRAINING = """
[training]
epochs = {epochs}
patience_epochs = 3
batch_size = 8
learning_rate = {rate}
threads = 1
precision = "fp32"
"""


def trained(folder: Path, *, epochs: int, rate: float) -> Path:
    config = Corpus(config=TRAINING.format(epochs=epochs, rate=rate)).save(folder)
    train(load_config(config), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def healthy_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("healthy"), epochs=12, rate=1e-2)


def findings_in(run: Path) -> list[Finding]:
    (patient,) = patients_of_run(run)
    return [*examined(patient).findings]


def run_doctor(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, ["doctor", *words], catch_exceptions=False)


def test_nothing_is_found_in_a_healthy_run_and_what_was_looked_for_is_said(
    healthy_run: Path,
) -> None:
    result = run_doctor(healthy_run)
    assert result.exit_code == 0
    assert "Nothing was found." in result.output
    assert "better thresholds on dev" in result.output
    assert "entities: F1 " in result.output
    values = json.loads(run_doctor(healthy_run, "--json").stdout)
    assert values[0]["healthy"]
    assert values[0]["not_checked"].keys() == {"noise"}
    assert values[0]["scores"]["relation"]["f1"] > 0.9


def test_thresholds_out_of_reach_are_found_in_a_run(healthy_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(healthy_run, run)
    saved = load_model(run / "model")
    head = saved.model.relation_head
    head.set_thresholds([0.9999999] * len(head.schema.relation_types))
    save_model(run / "model", saved.model, saved.config)
    (finding,) = findings_in(run)
    assert finding.disease is Disease.THRESHOLDS
    assert finding.share > 0.3
    assert finding.commands == (f"dovetail calibrate {run}",)


def test_too_few_epochs_are_found_in_a_run(tmp_path: Path) -> None:
    run = trained(tmp_path, epochs=4, rate=7e-4)
    found = findings_in(run)
    assert [own.disease for own in found if own.disease is not Disease.THRESHOLDS] == [
        Disease.EPOCHS
    ]
    result = run_doctor(run)
    assert result.exit_code == 4
    assert "training.epochs = 10" in result.output


def mistaken(train: list[Text], dev: list[Text]) -> tuple[list[Text], list[Text]]:
    """Some persons are places, by mistake."""
    changed = []
    for number, row in enumerate(train):
        place = next((n for n, (*_, t) in enumerate(row.entities) if t == "Person"), None)
        if number % 4 == 0 and place is not None:
            entities = [*row.entities]
            entities[place] = (*entities[place][:2], "Place")
            row = replace(row, entities=entities)
        changed.append(row)
    return changed, dev


def test_mistakes_of_annotators_are_suspected_by_models_of_the_other_sentences(
    tmp_path: Path,
) -> None:
    training = TRAINING.format(epochs=12, rate=1e-2)
    config = Corpus(train=90, dev=20, change=mistaken, config=training).save(tmp_path)
    suspects = tmp_path / "suspects.jsonl"
    options = ("--cross-validate", 2, "--epochs", 12, "--suspects", suspects)
    result = run_doctor(config, *options, "--json")
    assert result.exit_code == 4
    (values,) = json.loads(result.stdout)
    assert [own["disease"] for own in values["findings"]] == ["noise"]

    header, *lines = map(json.loads, suspects.read_text("utf-8").splitlines())
    assert header["format"] == "dovetail"
    rows = map(json.loads, (tmp_path / "train.jsonl").read_text("utf-8").splitlines())
    names = {
        row["text"][own["start"] : own["end"]]
        for row in rows
        for own in row["entities"]
        if own["type"] == "Place" and " " in row["text"][own["start"] : own["end"]]
    }
    assert len(names) > 5
    told = [doubt for line in lines for doubt in line["doubts"] if doubt["task"] == "entity"]
    doubted = [own["annotated"].removesuffix(" (Place)") for own in told if own["annotated"]]
    assert len(names & {*doubted[: len(names) + 2]}) >= 0.8 * len(names)
    # The list is a corpus that can be read and reviewed.
    assert len(read_corpus(suspects).sentences) == len(lines)


def test_models_of_the_other_sentences_suspect_nothing_in_health(tmp_path: Path) -> None:
    config = Corpus(train=70, dev=16, config=TRAINING.format(epochs=6, rate=1e-2)).save(tmp_path)
    result = run_doctor(config, "--cross-validate", 2, "--epochs", 4, "--json")
    assert result.exit_code == 0
    (values,) = json.loads(result.stdout)
    assert "noise" in values["checked"]


def test_suspects_are_written_in_other_formats_too(tmp_path: Path) -> None:
    config = Corpus(train=30, dev=10, config=TRAINING.format(epochs=1, rate=1e-3)).save(tmp_path)
    suspects = tmp_path / "suspects.json"
    options = ("--cross-validate", 2, "--suspects", suspects, "--suspects-format", "labelstudio")
    assert run_doctor(config, *options).exit_code in (0, 4)
    assert read_corpus(suspects).format == "labelstudio"


def test_models_of_parts_learn_from_no_negatives() -> None:
    recipe = load_config(Path(__file__).parents[2] / "recipes" / "adverse_effects.toml")
    data = small_config(recipe, 4).data
    plain = type(data)(train=data.train)
    for field in type(data).model_fields:
        if field.startswith("negatives") and field != "negatives_for":
            assert getattr(data, field) == getattr(plain, field)


def test_no_suspects_without_cross_validation(tmp_path: Path) -> None:
    config = Corpus().save(tmp_path)
    result = run_doctor(config, "--suspects", tmp_path / "s.jsonl")
    assert result.exit_code == 2
    assert "--cross-validate" in result.output


def test_a_corpus_and_its_dev_corpus_are_examined_as_a_config_is(tmp_path: Path) -> None:
    Corpus().save(tmp_path)
    assert run_doctor(tmp_path / "train.jsonl", tmp_path / "dev.jsonl").exit_code == 0
    assert run_doctor(tmp_path / "train.jsonl").exit_code == 0


def test_what_training_refuses_is_a_finding(tmp_path: Path) -> None:
    bare = Corpus(
        change=lambda train, dev: (
            [replace(row, entities=[], relations=[]) for row in train],
            dev,
        )
    ).save(tmp_path)
    result = run_doctor(bare, "--json")
    assert result.exit_code == 4
    (values,) = json.loads(result.stdout)
    assert [own["disease"] for own in values["findings"]] == ["refused"]
    assert "hold no entity" in values["findings"][0]["evidence"][0]


def test_a_model_is_no_patient(healthy_run: Path) -> None:
    result = run_doctor(healthy_run / "model")
    assert result.exit_code == 2
    assert "dovetail evaluate" in " ".join(result.output.split())
