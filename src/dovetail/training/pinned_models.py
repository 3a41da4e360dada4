"""Saved models that a config names: where they are, and that they are those that it means."""

from __future__ import annotations

from pathlib import Path

from dovetail.errors import ModelError, TrainingError
from dovetail.saved.ensemble_folder import digest_of
from dovetail.saved.finding import model_folder


def folder_of(named: str, *, field: str) -> Path:
    """The folder of the model that a field of the config names.

    Raises:
        TrainingError: if there is no such model.
    """
    try:
        return model_folder(named)
    except ModelError as error:
        raise TrainingError(f"{field}: {error}") from error


def pinned_digest(folder: Path, named: str, known: str | None, *, field: str) -> str:
    """The digest of the model that a field names, which `known` is, where the config has it.

    The config keeps it beside the field, as FIELD_sha256.

    Raises:
        TrainingError: if the model cannot be read, or has another digest.
    """
    try:
        digest = digest_of(folder)
    except ModelError as error:
        raise TrainingError(f"{field}: {error}") from error
    role = field.split(".")[-1]
    if known not in (None, digest):
        raise TrainingError(
            f"{named} is not the {role} that the config names: its SHA-256 is {digest}, expected "
            f"{field}_sha256 = {known}; put that {role} back, or leave {role}_sha256 out and start "
            f"a new run"
        )
    return digest
