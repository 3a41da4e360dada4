"""The scores in the README and in docs/results.md are those of the stored results."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "write_results.py"


def test_pages_say_what_the_stored_results_say() -> None:
    pages = runpy.run_path(str(SCRIPT))["pages"]()
    assert pages
    for path, expected in pages.items():
        assert path.read_text(encoding="utf-8") == expected, f"run {SCRIPT.name}: {path} is old"
