"""Training entities that begin or end inside a token: dev scores of each policy for them.

CoNLL04 as raw text, its borders moved in two ways: in ``glued`` a quarter of the entities of
training and dev have other letters written to their last word, in ``sloppy`` a quarter of the
training entities lack their first or last character, and dev is as it was.

    python benchmarks/borders.py --folder /tmp/borders --epochs 10
"""

from __future__ import annotations

import argparse
import json
import os
import random
from pathlib import Path
from typing import Any, get_args

from dovetail.config import load_config
from dovetail.corpora import read_corpus
from dovetail.text.document import Sentence
from dovetail.text.reading import Borders
from dovetail.training import RunFinished, training_events

PROJECT = Path(__file__).resolve().parent.parent
SHARE = 0.25
SUFFIXES = ["er", "s", "isch", "like", "ian", "bound"]


Marked = tuple[str, list[tuple[int, int]]]
"""A text, and the half-open character positions of its entities in reading order."""


def glued(sentence: Sentence, draw: random.Random, share: float) -> Marked:
    """The text with letters written to the last words of some entities, and the borders."""
    lasts = {entity.end - 1 for entity in sentence.sorted_entities if draw.random() < share}
    text, tokens = "", []
    for position, token in enumerate(sentence.tokens):
        tokens.append((len(text), len(text) + len(token)))
        text += token + (draw.choice(SUFFIXES) if position in lasts else "") + " "
    spans = [(tokens[e.start][0], tokens[e.end - 1][1]) for e in sentence.sorted_entities]
    return text.strip(), spans


def sloppy(sentence: Sentence, draw: random.Random, share: float) -> Marked:
    """The text, and borders of which some leave a character out."""
    spans = []
    for entity in sentence.sorted_entities:
        start, end = sentence.offsets[entity.start][0], sentence.offsets[entity.end - 1][1]
        if end - start > 2 and draw.random() < share:
            start, end = (start + 1, end) if draw.random() < 0.5 else (start, end - 1)
        spans.append((start, end))
    return " ".join(sentence.tokens), spans


def write(split: str, kind: str, path: Path) -> None:
    """Write a split of CoNLL04 as raw text with moved borders."""
    draw = random.Random(1)
    moved = glued if kind == "glued" else sloppy
    share = 0.0 if (kind, split) == ("sloppy", "dev") else SHARE
    lines = []
    source = Path(os.environ["DOVETAIL_DATA"]) / "conll04" / f"conll04_{split}.json"
    for sentence in read_corpus(source).sentences:
        text, spans = moved(sentence, draw, share)
        entities = sentence.sorted_entities
        line: dict[str, Any] = {
            "text": text,
            "entities": [
                {"start": start, "end": end, "type": entity.type}
                for entity, (start, end) in zip(entities, spans, strict=True)
            ],
            "relations": [
                {"head": entities.index(r.head), "tail": entities.index(r.tail), "type": r.type}
                for r in sentence.sorted_relations
            ],
        }
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Train with each policy on both corpora, and print the dev scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind in ("glued", "sloppy"):
        paths = {split: options.folder / f"{kind}_{split}.jsonl" for split in ("train", "dev")}
        for split, path in paths.items():
            write(split, kind, path)
        for borders in [choice for choice in get_args(Borders) if choice != "text"]:
            name = f"{kind}-{borders}-{options.seed}"
            changes = [
                *(f"data.train={paths['train']}", f"data.dev={paths['dev']}"),
                *(f"name={name}", f"seed={options.seed}", f"data.borders={borders}"),
                f"training.epochs={options.epochs}",
            ]
            config = load_config(PROJECT / "recipes" / "conll04_depth.toml", changes)
            for event in training_events(config, options.folder / name):
                if isinstance(event, RunFinished) and event.dev is not None:
                    entity, relation = event.dev.entity_strict, event.dev.relation_strict
                    print(
                        f"{name}: entities {100 * entity.micro.f1:.1f}, "
                        f"relations {100 * relation.micro.f1:.1f}"
                    )


if __name__ == "__main__":
    main()
