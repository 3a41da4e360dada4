"""Fixtures that many tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROJECT = Path(__file__).resolve().parent.parent

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the public corpora, which the project reads and never contains."""
    folder = Path(os.environ.get("DOVETAIL_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public corpora are not at {folder}; set DOVETAIL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def pretrained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny BERT of random weights, as the encoders are tested with."""
    from tests.encoders.conftest import save_tiny_bert  # transformers takes seconds to import

    return save_tiny_bert(tmp_path_factory.mktemp("pretrained"))


@pytest.fixture(scope="session")
def mpnet_folder(pretrained_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny MPNet, which reads the same pieces."""
    from tests.encoders.conftest import save_tiny_mpnet

    return save_tiny_mpnet(pretrained_folder, tmp_path_factory.mktemp("mpnet"))


@pytest.fixture(scope="session")
def trained_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model that has learned something of the tiny corpus."""
    from tests.corpus import DEV, TRAIN, save_corpus
    from tests.networks import tiny_config

    from dovetail.config import DataConfig
    from dovetail.strategies import DepthSharingConfig
    from dovetail.training import training_events

    folder = tmp_path_factory.mktemp("trained")
    train_path = save_corpus(TRAIN, folder / "train.jsonl")
    config = tiny_config(
        DataConfig(train=(train_path,), dev=(save_corpus(DEV, folder / "dev.jsonl"),)),
        sharing=DepthSharingConfig(hidden_dim=8, dropout=0.0, relation_layers=1),
        relation_head={"dropout": 0.0},
        training={"epochs": 15, "learning_rate": 2e-2},
    )
    for _ in training_events(config, folder / "run"):
        pass
    return folder / "run" / "model"


@pytest.fixture(scope="session")
def run_of_fragments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has learned a tiny corpus of discontinuous entities by heart."""
    from tests.discontinuous import HURT, config_of, data_of

    from dovetail.training import training_events

    folder = tmp_path_factory.mktemp("discontinuous")
    for _ in training_events(config_of(data_of(HURT, folder)), folder / "run"):
        pass
    return folder / "run"


@pytest.fixture
def fp32_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without bf16 units, for what is compared more closely than bf16 allows."""
    monkeypatch.setattr("dovetail.encoders.precision.fast_bfloat16", lambda device=None: False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a screen."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
