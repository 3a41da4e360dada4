"""Where models are: in folders that training left, in the package, and on a hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from dovetail.errors import ModelError
from dovetail.saved.description import DESCRIPTION

MODEL = "model"
"""The folder of the model within that of a run."""

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?P<id>{_PART}/{_PART})(?:@(?P<revision>[^@\s]+))?")
_CACHED = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+)")


@dataclass(frozen=True, slots=True)
class HubName:
    """The name of a model on a hub, ``owner/name``, and a branch, a tag or a commit of it."""

    id: str
    revision: str | None = None

    @classmethod
    def parsed(cls, text: str) -> HubName | None:
        """The name that ``owner/name`` or ``owner/name@revision`` is; None if it is none."""
        match = _NAME.fullmatch(text)
        if match is None or "--" in match["id"] or ".." in match["id"]:
            return None
        return cls(match["id"], match["revision"])

    @classmethod
    def meant(cls, text: str) -> HubName | None:
        """The name that is meant; None for what is none, or begins with a folder that is there."""
        name = cls.parsed(text)
        return name if name is not None and not Path(name.id).parent.exists() else None

    def __str__(self) -> str:
        return self.id if self.revision is None else f"{self.id}@{self.revision}"


def shipped_models() -> dict[str, Path]:
    """The models that come with the package, by name."""
    root = Path(str(files("dovetail") / "pretrained"))
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return {folder.name: folder for folder in folders if folder.is_dir()}


def model_folder(path_or_name: str | Path) -> Path:
    """The folder of a model, which may be in that of its run.

    A folder goes before a shipped model of the same name, and both before a model on a hub.  What
    begins with the name of a folder that is there is a path, and no hub is asked for it.

    Raises:
        ModelError: if there is none of these.
    """
    folder = Path(path_or_name)
    if folder.is_dir():
        is_run = not (folder / DESCRIPTION).exists() and (folder / MODEL / DESCRIPTION).exists()
        return folder / MODEL if is_run else folder
    shipped = shipped_models()
    if str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    name = HubName.meant(str(path_or_name))
    if name is not None:
        from dovetail.saved.hub import hub_folder  # needs torch, as the names of models do not

        return hub_folder(name)
    raise ModelError(
        f"there is no model at {str(path_or_name)!r}: expected a folder that `dovetail train` "
        f"left, the name of a model on the hub (owner/name), or one of the shipped models: "
        f"{', '.join(shipped) or 'none installed'}"
    )


def name_of_model(place: str | Path) -> str:
    """The name of the model at a place that it was loaded from: its own, or that of its run."""
    path = Path(place)
    return name_of_cached(path) or (path.parent.name if path.name == MODEL else path.name)


def name_of_cached(folder: Path) -> str | None:
    """The name of the hub's model in a folder of the cache; None if it is another folder."""
    match = _CACHED.fullmatch(folder.parent.parent.name)
    if match is None or folder.parent.name != "snapshots":
        return None
    return f"{match['owner']}/{match['name']}"
