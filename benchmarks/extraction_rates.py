"""The part of `extraction.py` that runs once for each thread count, in a process of its own."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel

from dovetail.corpora import read_corpus
from dovetail.encoders import PretrainedEncoder
from dovetail.encoders.transformer_layers import PretrainedModel
from dovetail.extractor import Extractor
from dovetail.model.joint import JointModel
from dovetail.text.document import Sentence
from dovetail.text.reading_ahead import batches_of_similar_length

Seconds = tuple[float, float]
"""Wall time and processor time."""


def bare_encoders(
    extractor: Extractor, sentences: Sequence[Sentence]
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Functions that run the layers of the pretrained encoder over all sentences once.

    The first runs them as Dovetail does, the second as the transformers library does, in its eager
    form and in the same type.
    """
    model = extractor.model
    if not isinstance(model, JointModel):
        raise SystemExit("expected a single model, found an ensemble")
    encoders = [part for part in model.encoder if isinstance(part, PretrainedEncoder)]
    if len(encoders) != 1:
        raise SystemExit(f"expected a model with one pretrained encoder, found {len(encoders)}")
    transformer = encoders[0].transformer
    batches = [
        encoders[0].featurise([sentences[index].tokens for index in indices])
        for indices in batches_of_similar_length([len(s.tokens) for s in sentences])
    ]

    own = transformer.model
    librarys = AutoModel.from_pretrained(
        transformer.files.folder,
        dtype=next(own.parameters()).dtype,
        attn_implementation="eager",
        num_hidden_layers=own.config.num_hidden_layers,
    ).eval()

    def run(model: PretrainedModel) -> None:
        transformer.model = model
        with torch.inference_mode():
            for features in batches:
                transformer(features["pieces"], features["lengths"], every_layer=False)
        transformer.model = own

    return partial(run, own), partial(run, librarys)


def seconds_of(function: Callable[[], object]) -> Seconds:
    """How long a call takes."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def seconds_in_turns(
    functions: dict[str, Callable[[], object]], turns: int
) -> dict[str, list[Seconds]]:
    """Time all functions one after the other, again and again; a first turn is not counted."""
    for function in functions.values():
        function()
    spent: dict[str, list[Seconds]] = {name: [] for name in functions}
    for _ in range(turns):
        for name, function in functions.items():
            spent[name].append(seconds_of(function))
    return spent


def measure(model: Path, corpus: Path, *, threads: int, turns: int, limit: int) -> dict[str, Any]:
    """Time the encoder, the path from tokens and the path from text, as JSON values."""
    extractor = Extractor.load(model, threads=threads)
    sentences = read_corpus(corpus).sentences[:limit]
    texts = [" ".join(sentence.tokens) for sentence in sentences]
    annotated = extractor.annotate(sentences)
    encoder, librarys = bare_encoders(extractor, sentences)
    spent = seconds_in_turns(
        {
            "encoder": encoder,
            "library": librarys,
            "tokens": lambda: extractor.annotate(sentences),
            "text": lambda: sum(1 for _ in extractor.pipe(texts)),
        },
        turns,
    )
    shares = {
        name: [library[0] / path[0] for library, path in zip(spent["library"], times, strict=True)]
        for name, times in spent.items()
    }
    return {
        "threads": torch.get_num_threads(),
        "sentences": len(sentences),
        "tokens": sum(len(sentence.tokens) for sentence in sentences),
        "entities": sum(len(sentence.entities) for sentence in annotated),
        "relations": sum(len(sentence.relations) for sentence in annotated),
        "sentences_per_second": {
            name: len(sentences) / statistics.median(wall for wall, _ in times)
            for name, times in spent.items()
        },
        "sentences_per_processor_second": {
            name: len(sentences) / statistics.median(processor for _, processor in times)
            for name, times in spent.items()
        },
        "share_of_library": {name: statistics.median(own) for name, own in shares.items()},
    }


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path)
    for name in ("threads", "turns", "limit"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    measured = measure(
        options.model,
        options.corpus,
        threads=options.threads,
        turns=options.turns,
        limit=options.limit,
    )
    json.dump(measured, sys.stdout)


if __name__ == "__main__":
    main()
