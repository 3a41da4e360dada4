"""`dovetail advise`, from corpora to a recipe that can be trained."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.networks import tiny_config
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.cli.advise_command import config_of, names_of
from dovetail.config import DataConfig, dump_config, load_config
from dovetail.errors import ConfigError

OWN = "depth 1+1+2"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    data = DataConfig(
        train=(save_corpus(TRAIN, tmp_path / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "dev.jsonl"),),
    )
    path = tmp_path / "config.toml"
    own = tiny_config(data, training={"epochs": 1, "batch_size": 11})
    path.write_text(dump_config(own), encoding="utf-8")
    return path


def advise(*arguments: object, width: int = 100) -> Result:
    command = ["advise", *map(str, arguments)]
    return CliRunner().invoke(app, command, catch_exceptions=False, env={"COLUMNS": str(width)})


def test_advice_is_given_with_reasons_and_the_command_that_trains_it(config: Path) -> None:
    runs = config.parent / "runs"
    result = advise(config, "--minutes", "0.3", "--runs", runs)
    assert result.exit_code == 0
    folder = runs / "tiny-advice"
    advice = json.loads((folder / "advice.json").read_text(encoding="utf-8"))
    assert advice["default"] == OWN
    assert "22 sentences to learn from and 8 dev sentences" in result.output
    table = result.output.split("way of sharing, and why")[1]
    for own in advice["candidates"]:
        assert own["name"] in table
        low, high = own["interval"]
        assert low < own["gain"] < high
        assert f"{100 * own['above_zero']:.0f}%" in table
    recommended = advice["recommended"]
    word = "Keep" if recommended == OWN else "Take"
    assert f"{word} {recommended}" in result.output
    recipe = folder / "advised.toml"
    assert f"dovetail train {recipe}" in result.output
    assert load_config(recipe).sharing.plan == recommended
    assert load_config(recipe).training == load_config(config).training
    trained = CliRunner().invoke(app, ["train", str(recipe), "--runs", str(runs)])
    assert trained.exit_code == 0
    assert (runs / "tiny-advised" / "model").is_dir()


def test_without_time_it_says_so_and_gives_what_is_known(config: Path) -> None:
    result = advise(config, "--minutes", "0", "--runs", config.parent / "runs")
    assert result.exit_code == 0
    assert "there was no time for pilots" in " ".join(result.output.split())
    assert "what is known of conll04" in " ".join(result.output.split())
    assert f"Keep {OWN}" in result.output


def test_corpora_without_a_config_are_learned_by_the_default_one(tmp_path: Path) -> None:
    one = save_corpus(SENTENCES, tmp_path / "ships.jsonl")
    other = save_corpus(TRAIN, tmp_path / "more ships.jsonl")
    alone, both = config_of([one], ["seed=3"]), config_of([one, other], [])
    assert (alone.name, alone.seed, alone.data.train) == ("ships", 3, (one,))
    assert 0 < alone.data.dev_fraction < 1
    assert [own.name for own in both.corpora] == ["ships", "more-ships"]
    result = advise(one, other, "--minutes", "0", "--runs", tmp_path / "runs")
    assert result.exit_code == 0
    assert "have in common 100% of the entity types" in " ".join(result.output.split())
    recipe = load_config(tmp_path / "runs" / "ships-more-ships-advice" / "advised.toml")
    assert [own.name for own in recipe.corpora] == ["ships", "more-ships"]


def test_names_of_corpora_differ(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "x.json", tmp_path / "b" / "x.json", tmp_path / "€.json"]
    assert names_of(paths) == ["x", "x-2", "corpus"]


def test_a_config_beside_others_is_refused(config: Path) -> None:
    with pytest.raises(ConfigError, match="expected one config, or corpora"):
        advise(config, config.with_name("train.jsonl"))


def test_interrupt_gives_the_advice_so_far(config: Path) -> None:
    runs = config.parent / "runs"
    command = [sys.executable, "-m", "dovetail", "advise", str(config), "--runs", str(runs)]
    long = ["--set", "training.epochs=5000", "--set", "training.patience_epochs=0"]
    with subprocess.Popen(
        [*command, *long], stdout=subprocess.PIPE, text=True, env=None
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("pilots of"):
                process.send_signal(signal.SIGINT)
        code = process.wait()
    text = "".join(said)
    assert code == 130
    assert "interrupted" in text
    assert f"Keep {OWN}" in text
    assert (runs / "tiny-advice" / "advised.toml").is_file()
