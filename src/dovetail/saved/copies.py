"""Copies of saved models and ensembles."""

from __future__ import annotations

from pathlib import Path

from dovetail.errors import ModelError
from dovetail.files.writing import whole_folder
from dovetail.saved.ensemble_folder import copy_files, files_of_predictor


def copy_predictor(source: Path, target: Path) -> None:
    """Write a copy, which takes the place of `target` when it is whole; of itself, nothing.

    Raises:
        ModelError: if the target holds something else than a model, or a file cannot be read.
        OutputError: if it cannot be written.
    """
    if target.exists() and target.resolve() == source.resolve():
        return
    names = files_of_predictor(source)
    if not names:
        raise ModelError(f"there is no model in {source} any more, so it cannot be copied")
    if target.is_dir() and any(target.iterdir()) and not files_of_predictor(target):
        raise ModelError(
            f"{target} holds files that are not a model's, and would be replaced; name another "
            f"folder"
        )
    with whole_folder(target) as unfinished:
        copy_files(source, names, unfinished)
