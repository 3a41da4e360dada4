"""The description that package indexes show: README.md without what would be broken there.

An index resolves no link into the repository.  So pictures are left out (the README prints what
they show), and links to files become the names of the files.  All else is in pyproject.toml.
"""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup

PICTURE = re.compile(r"<picture>.*?</picture>\n*", re.DOTALL)
LINK_TO_FILE = re.compile(r"\[(?P<words>[^\]]+)\]\((?!\w+:)(?P<path>[^)]+)\)")


def description(readme: str) -> str:
    """The README for a page that stands alone."""

    def named(link: re.Match[str]) -> str:
        words, path = link["words"], link["path"]
        return words if words == path else f"{words} ({path})"

    return LINK_TO_FILE.sub(named, PICTURE.sub("", readme))


setup(
    long_description=description(Path("README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
