"""The look that all pages of Dovetail have in common."""

from __future__ import annotations

from importlib.resources import files

HOUSE_STYLE = files("dovetail.showing") / "house.css"
"""Colours in light and dark, letters, tables, and sentences with marked entities."""
