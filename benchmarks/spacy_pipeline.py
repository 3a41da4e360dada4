"""How fast a spaCy pipeline with Dovetail is, beside Dovetail alone, on the same texts.

    python benchmarks/spacy_pipeline.py news CORPUS [--texts 300] [--rounds 5]

The two take turns, so that what else the machine does falls on both.  The time is that of the
process's own computing; the wall's is printed too.  What both find is compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice

import spacy

from dovetail import Extractor, read_corpus

Found = list[list[tuple[int, int, str]]]


def main() -> None:
    """Print the rates and their ratio."""
    parser = argparse.ArgumentParser(description="spaCy pipelines beside Extractor.pipe.")
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    documents = read_corpus(given.corpus).documents
    texts = list(islice(cycle(document.text for document in documents), given.texts))
    extractor = Extractor.load(given.model)
    nlp = spacy.blank("en")
    nlp.add_pipe("dovetail", config={"model": given.model})

    def alone() -> Found:
        return [
            [(e.start_char, e.end_char, e.type) for e in found.entities]
            for found in extractor.pipe(texts)
        ]

    def in_spacy() -> Found:
        return [
            [(s.start_char, s.end_char, s.label_) for s in doc.spans["dovetail"]]
            for doc in nlp.pipe(texts)
        ]

    ways = {"Extractor.pipe": alone, "nlp.pipe": in_spacy}
    for way in ways.values():
        way()  # what is compiled once is compiled before
    rounds = [{name: timed(way) for name, way in ways.items()} for _ in range(given.rounds)]
    for name in ways:
        computing, wall = zip(*(own[name] for own in rounds), strict=True)
        print(
            f"{name:15} {given.texts / statistics.median(computing):7.1f} texts/s computing, "
            f"{given.texts / statistics.median(wall):7.1f} by the wall's clock"
        )
    ratios = [own["Extractor.pipe"][0] / own["nlp.pipe"][0] for own in rounds]
    print(f"nlp.pipe has {statistics.median(ratios):.3f} of the rate of Extractor.pipe (median)")
    different = sum(one != other for one, other in zip(alone(), in_spacy(), strict=True))
    print(f"{different} of {given.texts} texts have spans that grew to spaCy's tokens")


def timed(way: Callable[[], Found]) -> tuple[float, float]:
    """The seconds of computing and of the wall's clock that a way takes."""
    computing, wall = time.process_time(), time.perf_counter()
    way()
    return time.process_time() - computing, time.perf_counter() - wall


if __name__ == "__main__":
    main()
