"""What a repository keeps of an experiment: its figures, and what its tables are made of."""

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
        pictures = sorted((experiment / "figures").glob("*.png"))
        sources = [*(experiment / name for name in FILES), *pictures]
        return [Path(shutil.copyfile(source, folder / source.name)) for source in sources]
    except OSError as error:
        raise TrainingError(f"the results could not be copied to {folder}: {error}") from error
