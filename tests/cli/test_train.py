"""`dovetail train` and what follows it, from files to what is printed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from tests.waiting import until
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.cli.training_display import shown
from dovetail.config import DataConfig, dump_config, load_config
from dovetail.errors import ConfigError, TrainingError
from dovetail.saved.model_folder import load_model
from dovetail.training import RunFinished, training_events


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file beside its corpora."""
    data = DataConfig(
        train=(save_corpus(TRAIN, tmp_path / "train.jsonl"),),
        dev=(save_corpus([*DEV, TRAIN[0]], tmp_path / "dev.jsonl"),),
    )
    path = tmp_path / "config.toml"
    text = dump_config(tiny_config(data, training={"epochs": 2}))
    path.write_text(text, encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], catch_exceptions=False
    )


def test_train_evaluate_and_extract_are_one_chain(config: Path, tmp_path: Path) -> None:
    trained = run("train", config, "--runs", tmp_path / "runs", "--set", "name=mine")
    assert trained.exit_code == 0
    lines = trained.output.splitlines()
    assert lines[0].startswith("warning: 1 of 9 dev sentences are in the training data")
    assert "22 training and 9 dev sentences; 3 entity and 3 relation types" in lines
    assert sum(line.startswith("epoch ") and " sentences/s" in line for line in lines) == 2
    model = tmp_path / "runs" / "mine" / "model"
    assert f"model: {model}" in lines
    assert load_config(tmp_path / "runs" / "mine" / "config.toml").name == "mine"

    evaluated = run("evaluate", model, tmp_path / "dev.jsonl", "--json", "--samples", "0")
    scores = json.loads(evaluated.stdout)
    assert scores["sentences"] == 9
    assert 0 <= scores["entity"]["strict"]["micro"]["f1"] <= 1

    extracted = run("extract", model, "Ada Lovelace lives in London .")
    header, line = extracted.stdout.splitlines()
    assert json.loads(header)["format"] == "dovetail"
    assert json.loads(line)["text"] == "Ada Lovelace lives in London ."

    again = CliRunner().invoke(app, ["train", str(config), "--runs", str(tmp_path / "runs")])
    assert again.exit_code == 0  # another name, another folder
    refused = CliRunner().invoke(
        app, ["train", str(config), "--runs", str(tmp_path / "runs"), "--set", "name=mine"]
    )
    assert isinstance(refused.exception, TrainingError)
    resumed = run("train", config, "--runs", tmp_path / "runs", "--set", "name=mine", "--resume")
    assert resumed.exit_code == 0
    assert "resumed after epoch 2; nothing is left to train" in resumed.output
    assert resumed.output.splitlines()[-3:] == lines[-3:]


def test_distilling_says_from_what_and_how_many_sentences(
    config: Path, trained_model: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Rudolf worked for Zeiss. It snowed in Jena.", encoding="utf-8")
    chosen = (f"distillation.teacher={trained_model}", f"distillation.unlabelled={letter}")
    settings = [part for value in chosen for part in ("--set", value)]
    lines = run("train", config, "--runs", tmp_path / "runs", *settings).output.splitlines()
    assert lines[0].startswith(f"distils from a model, {trained_model} (SHA-256 ")
    assert lines[1].startswith("the teacher labelled 24 sentences in ")
    assert "22 training, 2 unlabelled and 9 dev sentences; 3 entity and 3 relation types" in lines
    assert any("  taught entity loss " in line for line in lines)


def test_override_of_an_unknown_field_suggests_the_near_miss(config: Path) -> None:
    with pytest.raises(ConfigError, match="entity_layers"):
        run("train", config, "--set", "sharing.entity_layer=2")


def test_terminal_shows_the_same_lines_and_a_bar(config: Path, tmp_path: Path) -> None:
    settings = load_config(config)
    with (tmp_path / "screen").open("w", encoding="utf-8") as file:
        console = Console(file=file, force_terminal=True, width=100, color_system=None)
        events = list(shown(training_events(settings, tmp_path / "run"), console))
    screen = (tmp_path / "screen").read_text("utf-8")
    assert "epoch 2/2" in screen
    assert "steps" in screen
    assert "finished after 2 epochs; the best was epoch" in screen
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        plain = Console(file=file, width=100)
        assert list(shown(events, plain)) == events
    assert "\x1b" not in (tmp_path / "log").read_text("utf-8")


def test_interrupted_run_is_shown_as_one(config: Path, tmp_path: Path) -> None:
    settings = load_config(config)
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        events = training_events(settings, tmp_path / "run", should_stop=lambda: True)
        *_, last = shown(events, Console(file=file, width=200))
    assert isinstance(last, RunFinished)
    assert last.interrupted
    assert "go on with --resume" in (tmp_path / "log").read_text("utf-8")


DELTAS = ("--set", "sharing={kind='deltas'}")


def test_tasks_are_added_to_a_model_from_the_command_line(config: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    alone = ("training.relation_loss_weight=0", "training.select=entity", "name=entities")
    settings = [part for value in alone for part in ("--set", value)]
    assert run("train", config, "--runs", runs, *settings).exit_code == 0
    base = runs / "entities" / "model"
    added = ("train", config, "--runs", runs, *DELTAS, "--base", base, "--add-task", "relation")
    assert run(*added).exit_code == 0
    assert "Added to" in (runs / "tiny" / "model" / "README.md").read_text("utf-8")
    text = "Ada Lovelace lives in London ."
    entities = [
        json.loads(run("extract", model, text).stdout.splitlines()[-1])["entities"]
        for model in (base, runs / "tiny" / "model")
    ]
    assert entities[0] == entities[1]
    assert "resumed after epoch 2" in run(*added, "--resume").output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((*DELTAS, "--base", "runs/a/model"), "--base says what to add to, and not what"),
        ((*DELTAS, "--add-task", "relation"), "--add-task needs a model to add to"),
        ((*DELTAS, "--base", "a", "--add-task", "relations"), "unknown task 'relations'"),
        ((*DELTAS, "--base", "a", "--add-task", "entity"), "would change what it says"),
        (("--base", "a", "--add-task", "relation"), 'belongs to .* kind = "deltas"'),
        (DELTAS, "adds tasks to a trained model, and none is named"),
        (
            (*DELTAS, "--base", "a", "--add-task", "relation", "--set", "sharing.threshold=0.2"),
            "all layers would be off at the start",
        ),
    ],
)
def test_bases_and_tasks_that_do_not_go_together_are_refused(
    config: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run("train", config, *options)


def wait_for_lines(path: Path, number: int) -> None:
    until(
        lambda: path.exists() and len(path.read_text("utf-8").splitlines()) >= number, seconds=300
    )


def test_interrupt_saves_the_best_model_and_says_how_to_go_on(config: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = [
        *(sys.executable, "-m", "dovetail", "train", str(config), "--runs", str(runs)),
        *("--set", "training.epochs=100000", "--set", "training.patience_epochs=0"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for_lines(runs / "tiny" / "metrics.jsonl", 2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors == ""
    assert "interrupted after" in output
    assert output.splitlines()[-1] == "go on with --resume"
    assert load_model(runs / "tiny" / "model")
    epochs = len((runs / "tiny" / "metrics.jsonl").read_text("utf-8").splitlines())
    settings = load_config(config, ["training.epochs=100000", "training.patience_epochs=0"])
    started = next(iter(training_events(settings, runs / "tiny", resume=True)))
    assert getattr(started, "epochs_done", None) == epochs
