"""The members of an ensemble as its description lists them: their folders, names and digests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from dovetail.config import MAX_MEMBERS
from dovetail.errors import ModelError
from dovetail.files.names import stays_inside
from dovetail.saved.description import check_version, read_description

FORMAT = "dovetail-ensemble"
FORMAT_VERSION = 2
"""The newest that is written; all versions up to this one are read."""

OF_MEANS = 1
"""The version of ensembles that decide by the means of their members' thresholds and scales."""

MEMBERS = "members"


def listed_members(members: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The list of the members, by their names and digests."""
    return [
        {"folder": f"{MEMBERS}/{number}", "name": name, "sha256": digest}
        for number, (name, digest) in enumerate(members, start=1)
    ]


def read_members(folder: Path) -> list[tuple[str, str]] | None:
    """Folder and digest of each member; None if this is no ensemble."""
    try:
        description = read_description(folder)
    except ModelError:
        return None  # what is wrong with a model, whoever loads it says
    if description.get("format") != FORMAT:
        return None
    check_version(folder, description, FORMAT_VERSION, kind="ensemble")
    try:
        rows = description["members"]
        if len(rows) > MAX_MEMBERS:
            raise ValueError(f"{len(rows):,} members; expected at most {MAX_MEMBERS}")
        listed = [(_inside(row["folder"]), str(row["sha256"])) for row in rows]
        _refuse_twice(listed)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the ensemble {folder} is damaged: {error!r}") from error
    return listed


def _refuse_twice(listed: Sequence[tuple[str, str]]) -> None:
    """Refuse a list that names a folder or a model twice."""
    for kind, names in zip(("folder", "model"), zip(*listed, strict=True), strict=False):
        for name, count in Counter(names).items():
            if count > 1:
                raise ValueError(f"the {kind} {name!r} is listed {count} times")


def _inside(folder: str) -> str:
    """The folder of a member, which lies in that of the ensemble wherever this was moved."""
    if not stays_inside(folder):
        raise ValueError(f"expected a member within the folder, found {folder!r}")
    return folder
