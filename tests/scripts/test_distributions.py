"""The wheel and the source distribution, built without a network, as a user installs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from dovetail import __version__

PROJECT = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from setuptools import build_meta
folder = sys.argv[1]  # which building changes
build_meta.build_wheel(folder)
build_meta.build_sdist(folder)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions."""
    pytest.importorskip("setuptools")
    copy = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    for name in ("src", "tests"):
        shutil.copytree(PROJECT / name, copy / name, ignore=ignored)
    (copy / "dist").mkdir()
    subprocess.run([sys.executable, "-c", BUILD, "dist"], cwd=copy, check=True, capture_output=True)
    return copy / "dist"


@pytest.mark.slow
def test_the_wheel_installs_and_its_demo_runs(built: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    wheel = built / f"dovetail-{__version__}-py3-none-any.whl"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}  # before whatever else is installed

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    where = run(sys.executable, "-c", "import dovetail; print(dovetail.__file__)")
    assert where.strip() == str(site / "dovetail" / "__init__.py")
    assert run(str(site / "bin" / "dovetail"), "--version") == f"dovetail {__version__}\n"
    assert "Ada Lovelace" in run(str(site / "bin" / "dovetail"), "demo")


@pytest.mark.slow
def test_the_source_distribution_builds_and_has_no_tests_that_could_not_run(built: Path) -> None:
    with tarfile.open(built / f"dovetail-{__version__}.tar.gz") as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert not [name for name in names if name.startswith("tests/")]
    assert {"LICENSE", "README.md", "pyproject.toml"} <= set(names)
    assert "src/dovetail/pretrained/adverse-effects/words-1.txt" in names
