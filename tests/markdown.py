"""The Markdown files of the project, and what stands in their code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDERS = (
    *(
        ".",
        ".github",
        "docs",
        "docs/coming-from",
        "docs/formats",
        "docs/results",
        "docs/strategies",
    ),
    *("examples", "recipes"),
)
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    language: str
    text: str


def markdown_files() -> list[Path]:
    found = [path for folder in FOLDERS for path in (PROJECT / folder).glob("*.md")]
    cards = (PROJECT / "src" / "dovetail" / "pretrained").glob("*/README.md")
    return sorted([*found, *cards])


def blocks_from_markdown(text: str) -> list[Block]:
    return [Block(match["language"], match["text"]) for match in BLOCK.finditer(text)]


def prose_from_markdown(text: str) -> str:
    return BLOCK.sub("", text)
