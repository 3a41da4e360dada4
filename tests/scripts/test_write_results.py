"""The scores in the README and in docs/ are those of the stored results."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = PROJECT / "scripts" / "write_results.py"
WRITTEN_BY_HAND = (PROJECT / "README.md", PROJECT / "docs" / "results.md")
SPREAD = re.compile(r"\d+\.\d ± \d+\.\d")
GENERATED = re.compile(r"<!-- (?:simulated -->|experiment: ).*?<!-- end -->", flags=re.DOTALL)


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
    page = with_experiments(PAGE, results)
    assert page.startswith("# Page\n\n<!-- experiment: tried -->\n\n`dovetail experiment")
    assert page.endswith("\n\n<!-- end -->\n\nthe rest\n")
    assert "stale words" not in page
    assert "`dovetail experiment experiments/tried.toml`" in page
    (less,) = [line for line in page.splitlines() if line.startswith("| less | 5 | 80.0 ± 1.0 |")][
        :1
    ]
    assert "| −1.2 | 0.042 |" in less  # noqa: RUF001 (the sign that the page has)
    assert "| full | 1.50 M | 2.50 M | 24.0 M | 400 M | 44.0 M | 4.0 min | 12 |" in page
    assert with_experiments(page, results) == page


def test_experiment_links_the_files_that_it_left(results: Path) -> None:
    with_experiments = runpy.run_path(str(SCRIPT))["with_experiments"]
    assert "Numbers behind" not in with_experiments(PAGE, results)
    (results / "tried" / "cells.csv").touch()
    page = with_experiments(PAGE, results)
    assert "[cells.csv](../../results/tried/cells.csv)" in page
    assert "plan.toml" not in page


def test_experiment_without_results_names_the_command(tmp_path: Path) -> None:
    with_experiments = runpy.run_path(str(SCRIPT))["with_experiments"]
    with pytest.raises(FileNotFoundError, match=r"experiments/tried.toml --export results/tried"):
        with_experiments(PAGE, tmp_path)


def test_page_that_is_missing_is_begun_with_its_tables(results: Path) -> None:
    script = runpy.run_path(str(SCRIPT))
    page = script["with_experiments"](script["first_page"]("tried"), results)
    assert page.startswith("# tried\n\n<!-- experiment: tried -->")
    assert "| less | 5 |" in page


def test_means_in_the_prose_are_means_of_the_tables() -> None:
    """What is written by hand repeats a stored result, or is no result."""
    pages = runpy.run_path(str(SCRIPT))["pages"]()
    known = {
        mean
        for page in pages.values()
        for part in GENERATED.findall(page)
        for mean in SPREAD.findall(part)
    }
    texts = {
        **pages,
        **{path: path.read_text(encoding="utf-8") for path in WRITTEN_BY_HAND},
        **{path: path.read_text(encoding="utf-8") for path in PROJECT.glob("docs/*/*.md")},
    }
    assert any(SPREAD.search(text) for text in texts.values())
    for path, text in texts.items():
        for mean in SPREAD.findall(GENERATED.sub("", text)):
            assert mean in known, f"{path} says {mean}, which no stored result does"


def test_scores_of_the_readme_are_in_the_results() -> None:
    """The README measures nothing of its own."""
    score = re.compile(r"\b\d+\.\d+\b")
    results = PROJECT / "docs" / "results.md"
    known = set(score.findall(results.read_text(encoding="utf-8")))
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    written = {number for row in rows for number in score.findall(row)}
    assert written
    assert written <= known


def test_page_of_suggestions_says_what_the_rounds_say() -> None:
    script = runpy.run_path(str(PROJECT / "scripts" / "simulate_suggestions.py"))
    assert script["table"]() in script["PAGE"].read_text(encoding="utf-8")


def test_results_hold_what_a_page_shows_and_nothing_else() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in PROJECT.glob("docs/results/*.md"))
    for path in (PROJECT / "results").rglob("*"):
        if path.is_file() and path.name != "summary.json":  # which the tables are made of
            link = f"../../{path.relative_to(PROJECT)}"
            assert f"({link})" in pages, f"no page of docs/results/ links {path}: delete it"


def test_every_page_of_results_is_listed() -> None:
    overview = (PROJECT / "docs" / "results.md").read_text(encoding="utf-8")
    for path in (PROJECT / "docs" / "results").glob("*.md"):
        assert f"](results/{path.name})" in overview
