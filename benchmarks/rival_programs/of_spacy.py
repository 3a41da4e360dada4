"""spaCy: its `ner` over the `tok2vec` that it brings by itself, trained for a few epochs.

Entities alone: spaCy has no component for relations, and that of its tutorial is no package.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import spacy
from answering import Counts, Sentence, answer, task
from spacy.tokens import Doc, Span
from spacy.training import Example

EPOCHS = 8


def trained(path: Path) -> spacy.Language:
    """A pipeline that finds about as many entities as there are."""
    pipeline = spacy.blank("en")
    pipeline.add_pipe("ner")
    examples = []
    for own in json.loads(path.read_text("utf-8")):
        words = own["tokens"]
        read, known = (Doc(pipeline.vocab, words=words) for _ in range(2))
        known.ents = [
            Span(known, found["start"], found["end"], found["type"]) for found in own["entities"]
        ]
        examples.append(Example(read, known))
    optimizer = pipeline.initialize(lambda: examples)
    chance = random.Random(1)
    for _ in range(EPOCHS):
        chance.shuffle(examples)
        for start in range(0, len(examples), 32):
            pipeline.update(examples[start : start + 32], sgd=optimizer, drop=0.1)
    return pipeline


def main() -> None:
    """Train the pipeline once, and load it from then on."""
    asked = task()
    folder = Path(asked["folder"]) / "pipeline"
    if not folder.is_dir():
        trained(Path(asked["train"])).to_disk(folder)
    pipeline = spacy.load(folder)

    def find(sentences: Sequence[Sentence]) -> Counts:
        docs = (Doc(pipeline.vocab, words=own["tokens"]) for own in sentences)
        return sum(len(doc.ents) for doc in pipeline.pipe(docs)), 0

    answer(find, asked["sentences"])


if __name__ == "__main__":
    main()
