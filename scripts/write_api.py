"""Write docs/api.md, the list of public names: run it when a test asks for it."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import UnionType
from typing import get_args

import dovetail

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"
HEAD = """# API

Every public name of the package: `from dovetail import Extractor`. [Python](python.md) shows how
they are used. Semantic versions cover these names, as
[promised](architecture.md#what-is-promised).
The [site](../CONTRIBUTING.md#the-site) has their signatures and members below this table.

| name | what |
|---|---|
"""


def api_page() -> str:
    """The page as it should be, made of the first lines of the docstrings."""
    rows = [f"| `{name}` | {first_line(name)} |\n" for name in sorted(dovetail.__all__)]
    return HEAD + "".join(rows)


def first_line(name: str) -> str:
    """The first sentence of a public name's docstring; the members of a union."""
    value = getattr(dovetail, name)
    if isinstance(value, UnionType):
        return f"One of {', '.join(f'`{member.__name__}`' for member in get_args(value))}."
    documented = inspect.getdoc(value) or ""
    return documented.partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(api_page(), encoding="utf-8")
