"""Write docs/configuration.md from the docstrings of the config: run it when a test asks for it."""

from __future__ import annotations

from pathlib import Path

from dovetail.config import config_reference

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

if __name__ == "__main__":
    PAGE.write_text(config_reference(), encoding="utf-8")
