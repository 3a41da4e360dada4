"""Make the three files of the corpus from `marked.txt`, where entities are marked in the text.

python examples/harbour/assemble.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MARK = re.compile(r"\[(?P<words>[^|\]]+)\|(?P<type>\w+)\]")


def read_marked(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The sentences of each split as lines of the native format."""
    splits: dict[str, list[dict[str, Any]]] = {}
    lines: list[dict[str, Any]] = []
    split = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            split = line.removeprefix("== ")
            lines = splits[split] = []
        elif line and not line.startswith("#"):
            lines.append({"id": f"{split}-{len(lines) + 1}", **sentence_from_marked(line)})
    return splits


def sentence_from_marked(line: str) -> dict[str, Any]:
    """The text without its marks, and what they say, with offsets in characters.

    >>> sentence_from_marked("The [Merel|Ship] sank.")["entities"]
    [{'start': 4, 'end': 9, 'type': 'Ship', 'text': 'Merel'}]
    """
    marked, _, links = line.partition(" || ")
    text = ""
    entities = []
    end_of_last = 0
    for mark in MARK.finditer(marked):
        text += marked[end_of_last : mark.start()]
        words = mark["words"]
        start, end = len(text), len(text) + len(words)
        entities.append({"start": start, "end": end, "type": mark["type"], "text": words})
        text += words
        end_of_last = mark.end()
    text += marked[end_of_last:]
    return {"text": text, "entities": entities, "relations": list(relations_from_links(links))}


def relations_from_links(links: str) -> Iterator[dict[str, Any]]:
    """The relations of a line; it counts entities from 1, the native format from 0.

    >>> list(relations_from_links("1 owned_by 2"))
    [{'head': 0, 'tail': 1, 'type': 'owned_by'}]
    """
    for link in filter(None, links.split("; ")):
        head, type_, tail = link.split()
        yield {"head": int(head) - 1, "tail": int(tail) - 1, "type": type_}


def write_splits(source: Path, folder: Path) -> None:
    """Write each split to a file of its own."""
    for split, lines in read_marked(source).items():
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_splits(HERE / "marked.txt", HERE)
