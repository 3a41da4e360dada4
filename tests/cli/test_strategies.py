"""`dovetail strategies`: a row for each kind that the config can choose from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN, save_corpus
from tests.networks import pretrained, tiny_config, tiny_model
from typer.testing import CliRunner, Result

from dovetail.cli import app
from dovetail.config import Config, DataConfig, dump_config
from dovetail.lab.costs import multiply_adds_of_streams, spread
from dovetail.lab.strategies import settings, strategies
from dovetail.strategies import DepthSharingConfig, ExitsSharingConfig
from dovetail.strategies.listing import Counted, couplings_by_kind, sections_by_kind
from dovetail.training.job import Job


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    return DataConfig(
        train=(save_corpus(TRAIN, tmp_path / "train.jsonl"),),
        dev=(save_corpus(DEV, tmp_path / "dev.jsonl"),),
    )


def by_kind(config: Config) -> dict[str, Counted]:
    return {strategy.kind: strategy for strategy in strategies(Job.of(config))}


def show(config: Config, folder: Path, *overrides: str) -> Result:
    path = folder / "config.toml"
    path.write_text(dump_config(config), encoding="utf-8")
    arguments = [part for override in overrides for part in ("--set", override)]
    wide = {"COLUMNS": "200"}
    return CliRunner().invoke(
        app, ["strategies", str(path), *arguments], catch_exceptions=False, env=wide
    )


def test_every_kind_has_a_row_and_the_own_one_is_marked(data: DataConfig, tmp_path: Path) -> None:
    result = show(
        tiny_config(data, sharing=ExitsSharingConfig(hidden_dim=3)), tmp_path, "sharing.dropout=0"
    )
    assert result.exit_code == 0
    for kind, section in sections_by_kind().items():
        (row,) = [line for line in result.stdout.splitlines() if line.split()[:1] == [kind]]
        does = str(section.__doc__).partition("\n")[0].partition(" (")[0]  # without the source
        assert does.removesuffix(".") in row
        assert (f"{kind} *" in row) == (kind == "exits")


def test_figures_are_those_of_the_model_that_would_be_built(data: DataConfig) -> None:
    config = tiny_config(data, sharing=DepthSharingConfig(hidden_dim=7, relation_layers=3))
    model = tiny_model(config, sentences=TRAIN).eval()
    costs = by_kind(config)["depth"].costs
    assert costs is not None
    assert costs.trained == sum(p.numel() for _, p in model.trainable_parameters())
    assert costs.stored == sum(tensor.numel() for tensor in model.stored_state().values())
    counts = [multiply_adds_of_streams(model, sentence) for sentence in spread(DEV, 8)]
    assert costs.multiply_adds == round(sum(counts) / len(counts))


def test_other_kinds_have_the_layers_of_the_config_and_their_own_plan(data: DataConfig) -> None:
    own = DepthSharingConfig(cell="lstm", hidden_dim=5, normalise=True, relation_layers=3)
    for kind, section in sections_by_kind().items():
        if kind not in ("depth", "bottom", "exits"):
            continue
        other = settings(tiny_config(data, sharing=own), section)
        assert other["kind"] == kind
        assert (other["cell"], other["hidden_dim"], other["normalise"]) == ("lstm", 5, True)
        assert other.get("relation_layers") == (3 if kind == "depth" else None)


def test_what_a_kind_lacks_is_said_in_its_row(
    data: DataConfig, tmp_path: Path, pretrained_folder: Path
) -> None:
    config = tiny_config(
        data,
        encoders=(pretrained(pretrained_folder),),
        sharing=DepthSharingConfig(cell="pretrained", relation_layers=1),
    )
    found = by_kind(config)
    assert found["depth"].costs is not None
    assert found["exits"].costs is not None
    assert found["bottom"].problem.startswith('sharing.cell: expected "gru", "lstm" or')
    result = show(config, tmp_path)
    assert result.exit_code == 0
    assert "Not with this config: sharing.cell: expected" in " ".join(result.stdout.split())


def test_without_a_config_all_strategies_are_listed(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["strategies"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    rows = dict(re.findall(r"^(\S+) {2,}(.+(?:\n +\S.*)*)", result.stdout, re.MULTILINE))
    for kind, section in sections_by_kind().items():
        assert section.paper in rows[kind]
        assert ("--base" in rows[kind]) == ("base" in section.model_fields)
    refused = CliRunner().invoke(app, ["strategies", "--set", "sharing.dropout=0"])
    assert refused.exit_code != 0
    assert "name its file too" in refused.output + str(refused.exception)


def test_the_list_needs_no_torch() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from dovetail.cli import app\n"
        "assert CliRunner().invoke(app, ['strategies']).exit_code == 0\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_couplings_have_a_table_of_their_own_and_those_of_the_config_are_marked(
    data: DataConfig, tmp_path: Path
) -> None:
    sections = couplings_by_kind()
    alone = CliRunner().invoke(app, ["strategies"], env={"COLUMNS": "200"}).stdout
    without = show(tiny_config(data), tmp_path).stdout
    (section,) = (section for kind, section in sections.items() if kind == "matching")
    config = tiny_config(data).model_copy(update={"couplings": (section(kind="matching"),)})
    marked = show(config, tmp_path).stdout
    for text in (alone, without, marked):
        _, _, table = text.partition("coupling ")
        assert set(sections) <= {(line.split() or [""])[0] for line in table.splitlines()}
    assert "The config has none." in without
    assert "matching *" in marked
    assert "* those of the config." in marked
    assert "The config has" not in alone
