import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def package_name(requirement):
    """The name of a requirement such as ``spacy>=3.8,<4``, in its canonical spelling."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def declared():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    names = {package_name(r) for rs in (project["dependencies"], *extras) for r in rs}
    return sorted(names - {project["name"]})  # the extra `dev` asks for the others by that name


def pinned():
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {package_name(name): number for name, number in pins}


@pytest.mark.parametrize("package", declared())
def test_declared_package_is_pinned_and_has_a_reason(package):
    assert package in pinned()
    reasons = (PROJECT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    assert f"| {package} |" in reasons.replace("_", "-")
