"""`dovetail probe`, from a config to a recipe that can be trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import tiny_config
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.config import DataConfig, dump_config, load_config
from dovetail.errors import ConfigError, TrainingError
from dovetail.lab.cell_events import Event, Progress
from dovetail.lab.engine import run_cells
from dovetail.lab.probes import ProbeWork, planned, probes_in
from dovetail.lab.workers import OwnProcess
from dovetail.strategies import DepthSharingConfig, PrimitivesSharingConfig
from dovetail.training import EpochResult


@pytest.fixture
def config(tmp_path: Path) -> Path:
    data = DataConfig(
        train=(save_corpus(TRAIN, tmp_path / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "dev.jsonl"),),
    )
    sharing = DepthSharingConfig(cell="lstm", hidden_dim=5, dropout=0.0, normalise=True)
    path = tmp_path / "config.toml"
    own = tiny_config(data, sharing=sharing, training={"epochs": 1, "average": "ema"})
    path.write_text(dump_config(own), encoding="utf-8")
    return path


def probe(config: Path, *arguments: str) -> Result:
    command = ["probe", str(config), "--runs", str(config.parent / "runs"), "--layers", "2"]
    return CliRunner().invoke(app, [*command, *arguments], catch_exceptions=False)


def test_probes_leave_a_table_and_recipes_and_are_trained_once(config: Path) -> None:
    result = probe(config, "--seeds", "2", "--penalty", "0", "--penalty", "1000")
    assert result.exit_code == 0
    folder = config.parent / "runs" / "tiny-probes"
    found = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/probe.json")}
    assert len(found) == 8
    for name, own in found.items():
        task, penalty, _ = name.split("-")
        assert own["shares"] == ([1.0, 1.0] if penalty == "0" else [0.0, 0.0])
        assert own["task"] == task
        # Of each LSTM layer one unit stays, over vectors of ten numbers.
        assert own["parameters"] == 2 * 2 * 4 * 5 * (10 + 5 + 2)
        assert own["kept"] == (own["parameters"] if penalty == "0" else 2 * 4 * (10 + 1 + 2))
    assert "entity leaves after layer" in result.output
    headings = [line for line in result.output.splitlines() if line.startswith("probe ")]
    assert ["left" in line for line in headings] == [False, *[True] * 7]
    recipe = load_config(folder / "found.toml")
    assert recipe.sharing.kind == "exits"
    assert (recipe.sharing.cell, recipe.sharing.hidden_dim, recipe.sharing.residual) == (
        *("lstm", 5),
        True,
    )
    assert recipe.training == load_config(config).training
    again = probe(config, "--seeds", "2", "--penalty", "0", "--penalty", "1000")
    assert "epoch " not in again.output
    assert " left" not in again.output
    assert (
        again.output.split("entity: groups alive")[1]
        == (result.output.split("entity: groups alive")[1])
    )


def test_without_a_penalty_the_exits_are_at_the_top_and_the_control_elsewhere(config: Path) -> None:
    assert probe(config, "--seeds", "1", "--penalty", "0").exit_code == 0
    folder = config.parent / "runs" / "tiny-probes"
    found, other = (load_config(folder / f"{own}.toml").sharing for own in ("found", "random"))
    assert (found.entity_exit, found.relation_exit, found.shared_layers) == (2, 2, 2)
    assert other.shared_layers == 2
    assert (other.entity_exit, other.relation_exit) != (2, 2)
    trained = CliRunner().invoke(
        app, ["train", str(folder / "found.toml"), "--runs", str(config.parent / "runs")]
    )
    assert trained.exit_code == 0


def test_a_probe_that_was_stopped_goes_on_and_another_config_is_refused(config: Path) -> None:
    start = load_config(config, ["training.epochs=3"])
    folder = config.parent / "probes"
    probes = planned(start, [0.01], seeds=1, layers=2)
    settings = probes[1].config
    assert (settings.seed, settings.training.average) == (start.seed, "none")
    first, second = folder / probes[0].key, folder / probes[1].key
    events: list[Event] = []

    def stop() -> bool:
        return epochs_of(events) == [1, 2]

    def run() -> list[int]:
        events.clear()
        work = OwnProcess(ProbeWork(folder))
        for event in run_cells(probes_in(folder, probes), work, should_stop=stop):
            events.append(event)
        return epochs_of(events)

    assert run() == [1, 2]
    assert not (first / "probe.json").exists()
    assert run() == [3, 1, 2, 3]
    assert (first / "probe.json").exists()
    assert (second / "probe.json").exists()
    assert run() == []
    other = load_config(config, ["training.epochs=4"])
    with pytest.raises(TrainingError, match=r"training\.epochs: was 3, is 4"):
        probes_in(folder, planned(other, [0.01], seeds=1, layers=2))


def epochs_of(events: list[Event]) -> list[int]:
    told = [event.told for event in events if isinstance(event, Progress)]
    return [own.epoch for own in told if isinstance(own, EpochResult)]


def test_command_says_why_a_probe_failed_and_trains_no_more(config: Path) -> None:
    (config.parent / "train.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"train\.jsonl"):
        probe(config, "--seeds", "2")
    folder = config.parent / "runs" / "tiny-probes"
    assert [path.name for path in folder.iterdir()] == ["entity-0.001-seed1"]


def test_what_has_no_layers_of_its_own_is_not_probed(config: Path) -> None:
    start = load_config(config).model_copy(
        update={"sharing": DepthSharingConfig(cell="pretrained")}
    )
    with pytest.raises(ConfigError, match="not probed"):
        planned(start, [0.1], seeds=1, layers=2)
    without_layers = start.model_copy(update={"sharing": PrimitivesSharingConfig()})
    with pytest.raises(ConfigError, match='"primitives" has no layers'):
        planned(without_layers, [0.1], seeds=1, layers=2)
    start = start.model_copy(update={"sharing": PrimitivesSharingConfig()})
    with pytest.raises(ConfigError, match='"primitives" has no layers that a probe could have'):
        planned(start, [0.1], seeds=1, layers=2)
