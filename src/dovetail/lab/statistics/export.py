"""What a repository keeps of an experiment: its figures, and what its tables are made of."""

from __future__ import annotations

import shutil
from pathlib import Path

from dovetail.files import make_folder, replaced

FILES = ("plan.toml", "summary.json", "cells.csv", "comparisons.csv")
"""All but the predictions, the scores of each type, and the models."""


def export(experiment: Path, folder: Path) -> list[Path]:
    """Copy the files; where they are now.

    Raises:
        OutputError: if they cannot be written.
    """
    make_folder(folder)
    pictures = sorted((experiment / "figures").glob("*.png"))
    targets = []
    for source in (*(experiment / name for name in FILES), *pictures):
        with replaced(folder / source.name) as unfinished:
            shutil.copyfile(source, unfinished)
        targets.append(folder / source.name)
    return targets
