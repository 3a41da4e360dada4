"""Models that find something in most sentences, and a program that runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from spacy.tokens import Doc
from tests.networks import talkative_model, tiny_config

from dovetail.saved.model_folder import save_model

TEXTS = [
    "Ada Lovelace lives in London. Brunel worked for Great Western.",
    "",
    "  \n",
    "Siemens of Berlin hired Ida.",
    "Nobody was there.",
    "Watt and Boulton live in Soho.",
]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model."""
    folder = tmp_path_factory.mktemp("spacy") / "model"
    save_model(folder, talkative_model(seed=1), tiny_config())
    return folder


@pytest.fixture(autouse=True)
def no_extension() -> Iterator[None]:
    """Take `doc._.relations` away again, which is one for the whole process."""
    yield
    if Doc.has_extension("relations"):
        Doc.remove_extension("relations")


def run_alone(program: str, *arguments: object) -> str:
    """What a program prints in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
