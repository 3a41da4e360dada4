"""The file that describes a model or an ensemble, and its version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dovetail.errors import ModelError
from dovetail.files.bounded import read_json

DESCRIPTION = "model.json"

MAX_DESCRIPTION_BYTES = 1 << 26
"""Of a description; in models of Dovetail 0.1 the words of static vectors are most of it."""


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write the description of a model."""
    # In a folder that appears when it is whole, so that this needs no care of its own.
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_description(folder: Path) -> dict[str, Any]:
    """The values of the file that describes a model or an ensemble.

    Raises:
        ModelError: if it is no file of bounded size, or holds no JSON object.
    """
    path = folder / DESCRIPTION
    try:
        description = read_json(path, at_most=MAX_DESCRIPTION_BYTES)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"the model {folder} is damaged: {DESCRIPTION}: {error}") from error
    if not isinstance(description, dict):
        raise ModelError(f"the model {folder} is damaged: {DESCRIPTION} holds no JSON object")
    return description


def check_version(folder: Path, description: Mapping[str, Any], newest: int, *, kind: str) -> None:
    """Refuse what a newer version of this program wrote; all older formats are read.

    Raises:
        ModelError: naming that version.
    """
    found = description.get("version")
    if type(found) is not int:  # true and 1.0 are equal to 1
        raise ModelError(
            f"the {kind} {folder} is damaged: {DESCRIPTION}: expected the version of its format as "
            f"a whole number, found {json.dumps(found)}"
        )
    if not 1 <= found <= newest:
        raise ModelError(
            f"{folder} is {'an' if kind[0] in 'aeiou' else 'a'} {kind} of format version {found}, "
            f"this program reads versions up to {newest}: install the version of Dovetail that "
            f"wrote it ({description.get('dovetail', 'unknown')})"
        )
