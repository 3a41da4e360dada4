"""Where models are: in folders that training left, and in the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from dovetail.errors import ModelError
from dovetail.saved.description import DESCRIPTION

MODEL = "model"
"""The folder of the model within that of a run."""


def shipped_models() -> dict[str, Path]:
    """The models that come with the package, by name."""
    root = Path(str(files("dovetail") / "pretrained"))
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return {folder.name: folder for folder in folders if folder.is_dir()}


def model_folder(path_or_name: str | Path) -> Path:
    """The folder of a model, which may be in that of its run.

    A folder goes before a shipped model of the same name.

    Raises:
        ModelError: if there is neither.
    """
    folder = Path(path_or_name)
    if folder.is_dir():
        is_run = not (folder / DESCRIPTION).exists() and (folder / MODEL / DESCRIPTION).exists()
        return folder / MODEL if is_run else folder
    shipped = shipped_models()
    if str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    raise ModelError(
        f"there is no model at {str(path_or_name)!r}: expected a folder that `dovetail train` "
        f"left, or one of the shipped models: {', '.join(shipped) or 'none installed'}"
    )
