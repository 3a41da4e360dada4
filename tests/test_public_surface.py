from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import dovetail

PACKAGES = [
    "dovetail",
    "dovetail.config",
    "dovetail.corpora",
    "dovetail.encoders",
    "dovetail.evaluation",
    "dovetail.heads",
    "dovetail.objectives",
    "dovetail.sharing",
    "dovetail.training",
    "dovetail.lab.search",
]


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def test_all_names_are_there_sorted_and_named_once(package: ModuleType) -> None:
    names = package.__all__
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(package, name) is not None
        assert name in dir(package)


def test_all_holds_every_name_that_is_imported_on_use() -> None:
    assert sorted(dovetail.__all__) == sorted(dovetail._HOME)
    assert dovetail.__all__ == sorted(dovetail.__all__)


def test_public_names_are_those_of_their_modules() -> None:
    for name, home in dovetail._HOME.items():
        module = importlib.import_module(f"dovetail.{home}")
        assert getattr(dovetail, name) is getattr(module, name)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        _ = dovetail.Trainer


def imported_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


HEAVY = {"torch", "spacy", "transformers", "numpy", "pydantic"}


def test_importing_dovetail_imports_nothing_heavy() -> None:
    assert not imported_after("import dovetail") & HEAVY


@pytest.mark.parametrize("name", ["Document", "Config", "read_corpus", "evaluate", "Schema"])
def test_what_needs_no_torch_is_imported_without_it(name: str) -> None:
    assert "torch" not in imported_after(f"from dovetail import {name}")
