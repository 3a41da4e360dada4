"""`examples/plugin`, installed as a package of its own, through everything that Dovetail does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.corpus import DEV, TRAIN
from tests.markdown import PROJECT

from dovetail.errors import ConfigError
from dovetail.text.document import Sentence

pytest.importorskip("pip", reason="the plug-in is installed by pip")

CONFIG = """\
name = "stitched"
[data]
train = "train.slashed"
dev = "dev.slashed"
[[encoders]]
kind = "affixes"
rows = 64
[sharing]
kind = "cross-stitch"
hidden_dim = 8
dropout = 0.0
[[couplings]]
kind = "alike"
[entity_head]
hidden_dim = 8
[relation_head]
label_dim = 4
hidden_dim = 8
[training]
epochs = 12
batch_size = 4
learning_rate = 0.02
precision = "fp32"
threads = 1
"""

PLAN = """\
name = "compared"
config = "config.toml"
test = "dev.slashed"
seeds = [1]
[[configs]]
name = "stitched"
set = ["training.epochs=1"]
[[configs]]
name = "depth"
set = ["sharing.kind=depth", "training.epochs=1"]
"""

COMMANDS = """\
import sys
from typer.testing import CliRunner
from dovetail.cli import app
for command in (
    ["strategies"],
    ["strategies", "config.toml"],
    ["train", "config.toml"],
    ["tune", "config.toml", "--trials", "2", "--set", "training.epochs=1"],
    ["experiment", "plan.toml"],
):
    done = CliRunner().invoke(app, command, catch_exceptions=False, env={"COLUMNS": "200"})
    print("===", *command)
    print(done.output)
    if done.exit_code:
        sys.exit(f"{command}: {done.exit_code}")
"""

SERVED = """\
from dovetail import Extractor
extractor = Extractor.load("runs/stitched/model")
extraction = extractor.extract("Ada Lovelace lives in London.")
print(sorted((own.text, own.type) for own in extraction.entities))
"""


def slashed(sentence: Sentence) -> str:
    """A sentence as the plug-in's format has it."""
    entities = sorted(sentence.entities, key=lambda own: own.start)
    types = {place: own.type for own in entities for place in range(own.start, own.end)}
    words = [f"{token}/{types.get(place, 'O')}" for place, token in enumerate(sentence.tokens)]
    numbers = {own: number for number, own in enumerate(entities, start=1)}
    links = [f"{numbers[r.head]} {r.type} {numbers[r.tail]}" for r in sentence.relations]
    return " ".join(words) + (f" || {'; '.join(links)}" if links else "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plug-in is installed, without a network."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(PROJECT / "examples" / "plugin", folder / "source")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder / "site")]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def folder(site: Path) -> Path:
    """A folder with a corpus of the plug-in's format, its config and a plan."""
    work = site.parent / "work"
    work.mkdir()
    for name, sentences in (("train", TRAIN), ("dev", DEV)):
        lines = "\n".join(map(slashed, sentences))
        (work / f"{name}.slashed").write_text(lines + "\n", encoding="utf-8")
    (work / "config.toml").write_text(CONFIG, encoding="utf-8")
    (work / "plan.toml").write_text(PLAN, encoding="utf-8")
    return work


def python(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter in which the plug-in is installed."""
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def output(site: Path, folder: Path) -> str:
    """What the commands say, each of which succeeds."""
    done = python(site, folder, "-c", COMMANDS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_it_is_listed_trained_tuned_and_compared(output: str, folder: Path) -> None:
    listed, counted, *_ = output.split("=== ")[1:]
    assert "Misra et al. (2016)" in listed
    assert "Tung and Mori" in listed
    assert "cross-stitch *" in counted
    assert "alike *" in counted
    assert (folder / "runs" / "stitched" / "finished.json").is_file()
    card = (folder / "runs" / "stitched" / "model" / "README.md").read_text(encoding="utf-8")
    assert "- Shares of entity / relation in what each task reads: entity " in card
    assert "- The tasks' streams were made alike (weight 0.1)" in card
    metrics = (folder / "runs" / "stitched" / "metrics.jsonl").read_text(encoding="utf-8")
    assert "alike" in json.loads(metrics.splitlines()[0])["losses"]
    compared = (folder / "runs" / "compared" / "cells.csv").read_text(encoding="utf-8")
    assert "stitched" in compared
    assert "depth" in compared
    best = next((folder / "runs").glob("stitched-*/best.toml"), None)
    assert best is None or 'kind = "cross-stitch"' in best.read_text(encoding="utf-8")


def test_its_model_is_served_in_another_process(output: str, site: Path, folder: Path) -> None:
    done = python(site, folder, "-c", SERVED)
    assert done.returncode == 0, done.stderr
    assert "Person" in done.stdout


def test_without_the_package_its_model_says_what_is_missing(output: str, folder: Path) -> None:
    from dovetail.config import load_config

    with pytest.raises(ConfigError, match=r"sharing\.kind: .*cross-stitch") as caught:
        load_config(folder / "runs" / "stitched" / "model" / "config.toml")
    assert "dovetail.strategies" in str(caught.value)


def test_it_keeps_the_contracts_of_strategies_couplings_and_encoders(site: Path) -> None:
    files = [f"tests/{room}/test_registered.py" for room in ("strategies", "couplings", "encoders")]
    options = ["-q", "-p", "no:cacheprovider", "-k", "cross-stitch or affixes or alike", "-rA"]
    done = python(site, PROJECT, "-m", "pytest", *options, *files)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    passed = [line for line in done.stdout.splitlines() if line.startswith("PASSED")]
    assert any("contract[cross-stitch" in line for line in passed)
    assert any("[affixes]" in line for line in passed)
    assert any("same_bits[alike]" in line for line in passed)


def test_its_section_is_read_without_torch(site: Path, folder: Path) -> None:
    program = (
        "import json, sys\n"
        "from dovetail.config import load_config\n"
        "config = load_config('config.toml')\n"
        "print(json.dumps([config.sharing.kind, config.encoders[0].kind, 'torch' in sys.modules]))"
    )
    done = python(site, folder, "-c", program)
    assert json.loads(done.stdout) == ["cross-stitch", "affixes", False], done.stderr
