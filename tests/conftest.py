"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


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
