"""What a repository keeps of an experiment: small files that its tables are made of."""

from __future__ import annotations

import shutil
from pathlib import Path

from dovetail.errors import TrainingError

FILES = ("plan.toml", "summary.json", "cells.csv", "comparisons.csv")
"""All but the predictions, the scores of each type, and the models."""


def export(experiment: Path, folder: Path) -> list[Path]:
    """Copy the files; where they are now.

    Raises:
        TrainingError: if they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(experiment / name, folder / name)) for name in FILES]
    except OSError as error:
        raise TrainingError(f"the results could not be copied to {folder}: {error}") from error
