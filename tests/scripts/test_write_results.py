"""The scores in the README and in docs/results.md are those of the stored results."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "write_results.py"


def test_pages_say_what_the_stored_results_say() -> None:
    pages = runpy.run_path(str(SCRIPT))["pages"]()
    assert pages
    for path, expected in pages.items():
        assert path.read_text(encoding="utf-8") == expected, f"run {SCRIPT.name}: {path} is old"


def summary() -> dict[str, Any]:
    """Two configs with a cell each."""
    scores = {
        name: {"mean": 0.8, "deviation": 0.01}
        for name in (
            *("entity_micro", "entity_macro", "relation_micro", "relation_macro"),
            "relation_boundaries",
        )
    }
    chosen = {"entity_micro": 0.81, "relation_micro": 0.79}
    difference = {"comparison": {"difference": -0.012}, "corrected": 0.0421}
    costs = {
        "trainable_parameters": 1.5e6,
        "stored_parameters": 2.5e6,
        "total_parameters": 2.4e7,
        "multiply_adds": 4e8,
        "multiply_adds_above_frozen": 4.4e7,
        "training_seconds": 240.0,
        "best_epoch": 12.0,
        "sentences_per_second": None,
    }
    configs = [
        {
            "name": name,
            "cells": 5,
            "of_cells": 5,
            "scores": {"dev": scores, "test": scores},
            "chosen": {"scores": {"dev": chosen, "test": chosen}},
            "costs": costs,
            "differences": differences,
        }
        for name, differences in (
            ("full", {}),
            ("less", {"test": {"entity_micro": difference, "relation_micro": difference}}),
        )
    ]
    return {"name": "tried", "compared_with": "full", "configs": configs}


PAGE = "# Page\n\n<!-- experiment: tried -->\nstale words\n<!-- end -->\n\nthe rest\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "tried").mkdir()
    (tmp_path / "tried" / "summary.json").write_text(json.dumps(summary()), encoding="utf-8")
    return tmp_path


def test_tables_of_an_experiment_stand_between_its_markers(results: Path) -> None:
    with_experiments = runpy.run_path(str(SCRIPT))["with_experiments"]
    page = with_experiments(PAGE, results, brief=False)
    assert page.startswith("# Page\n\n<!-- experiment: tried -->\n\n`dovetail experiment")
    assert page.endswith("\n\n<!-- end -->\n\nthe rest\n")
    assert "stale words" not in page
    assert "`dovetail experiment experiments/tried.toml`" in page
    (less,) = [line for line in page.splitlines() if line.startswith("| less | 5 | 80.0 ± 1.0 |")][
        :1
    ]
    assert "| −1.2 | 0.042 |" in less  # noqa: RUF001 (the sign that the page has)
    assert "| full | 1.50 M | 2.50 M | 24.0 M | 400 M | 44.0 M | 4.0 min | 12 |" in page
    assert with_experiments(page, results, brief=False) == page
    brief = with_experiments(PAGE, results, brief=True)
    assert "| full | 5 | 80.0 ± 1.0 | 80.0 ± 1.0 | 80.0 ± 1.0 | 80.0 ± 1.0 |" in brief
    assert "1.50 M" not in brief


def test_experiment_without_results_names_the_command(tmp_path: Path) -> None:
    with_experiments = runpy.run_path(str(SCRIPT))["with_experiments"]
    with pytest.raises(FileNotFoundError, match=r"experiments/tried.toml --export results/tried"):
        with_experiments(PAGE, tmp_path, brief=False)


def test_means_in_the_prose_are_means_of_the_tables() -> None:
    """What is written by hand repeats a stored result, or is no result."""
    spread = re.compile(r"\d+\.\d ± \d+\.\d")
    written = runpy.run_path(str(SCRIPT))["pages"]()
    generated = re.compile(r"<!-- experiment: .*?<!-- end -->", flags=re.DOTALL)
    known = {
        mean
        for page in written.values()
        for part in generated.findall(page)
        for mean in spread.findall(part)
    }
    for path, page in written.items():
        for mean in spread.findall(generated.sub("", page)):
            assert mean in known, f"{path} says {mean}, which no stored result does"
