"""The files of a saved model: in a folder, as one message, and in a folder again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import srsly

from dovetail.errors import ModelError
from dovetail.files.names import stays_inside
from dovetail.files.temporary import TemporaryFolder
from dovetail.saved.ensemble_folder import digest_of, files_of_predictor

_FORMAT = "dovetail-model-files"


class Folder:
    """The folder of a saved model; a temporary one lives as long as this object."""

    def __init__(self, place: Path | TemporaryFolder) -> None:
        self._place = place
        self.is_temporary = isinstance(place, TemporaryFolder)
        self.path = place.path if isinstance(place, TemporaryFolder) else place

    @cached_property
    def digest(self) -> str:
        """What tells its model from others."""
        return digest_of(self.path)


def packed(folder: Folder) -> dict[str, Any]:
    """The files of a model by their names, in a message.

    Raises:
        ModelError: if a file cannot be read.
    """
    try:
        files = {
            name: (folder.path / name).read_bytes() for name in files_of_predictor(folder.path)
        }
    except OSError as error:
        raise ModelError(f"the model {folder.path} cannot be read: {error.strerror}") from error
    return {"format": _FORMAT, "files": files}


def unpacked(content: bytes) -> Folder:
    """A temporary folder with the files of a message.

    Raises:
        ModelError: if it is another message, or a name leads out of the folder.
    """
    files = _files(content)
    folder = Folder(TemporaryFolder())
    for name, content_of_file in files.items():
        path = folder.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of_file)
    return folder


def _files(content: bytes) -> Mapping[str, bytes]:
    try:
        message = srsly.msgpack_loads(content)
        files: dict[str, bytes] = message["files"]
        is_own = message["format"] == _FORMAT and all(
            isinstance(name, str) and isinstance(file, bytes) and stays_inside(name)
            for name, file in files.items()
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"expected the files of a model in msgpack: {error!r}") from error
    if not is_own:
        raise ModelError(f"expected a message of the format {_FORMAT}, with files by their names")
    return files
