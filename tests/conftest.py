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
