"""The share of relations of real abstracts that some window holds, by its length and overlap.

    python benchmarks/relations_in_windows.py

Reads PubTator files, in which a relation links two concepts.  It counts the relations of which some
pair of mentions lies within a window, and the pairs of mentions that do: of each abstract as it is,
and as if the text went on at both ends.
"""

from __future__ import annotations

import argparse
import gzip
import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from dovetail.text.document import Document
from dovetail.text.tokenization import Tokenizer

DATA = Path(os.environ.get("DOVETAIL_DATA", Path(__file__).parents[2] / "shared" / "data"))
FILES = [
    DATA / "formats" / "pubtator_bc5cdr" / "CDR_DevelopmentSet.PubTator.txt.gz",
    DATA / "formats" / "bioc_biored" / "Dev.PubTator",
]
LENGTHS = (128, 256, 512)
OVERLAPS = (0.25, 0.5)


class Mention(NamedTuple):
    """The tokens of a mention, counted through the document, and the sentence that it is in."""

    start: int
    end: int
    sentence: int


class Abstract(NamedTuple):
    """Its length in tokens, and for each of its relations the pairs of mentions."""

    tokens: int
    relations: list[list[tuple[Mention, Mention]]]


def read_abstracts(path: Path) -> Iterator[Abstract]:
    """The abstracts of a PubTator file."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    text = text.replace("\r\n", "\n")
    tokenizer = Tokenizer("en")
    for block in text.split("\n\n"):
        if block.strip():
            yield abstract_of(block.strip().split("\n"), tokenizer)


def abstract_of(lines: Sequence[str], tokenizer: Tokenizer) -> Abstract:
    """An abstract from its title, its text, and its annotations, one a line."""
    title, text = (line.split("|", 2)[2] for line in lines[:2])
    document = tokenizer.document(f"{title}\n{text}")
    mentions: defaultdict[str, list[Mention]] = defaultdict(list)
    links = []
    for fields in (line.split("\t") for line in lines[2:] if "\t" in line):
        if not fields[1].isdigit():
            links.append((fields[2], fields[3]))
        elif len(fields) > 5 and (found := mention_of(document, *map(int, fields[1:3]))):
            for concept in {fields[5], *fields[5].replace("|", ",").replace(";", ",").split(",")}:
                mentions[concept].append(found)
    pairs = [
        [pair for pair in product(mentions[head], mentions[tail]) if pair[0] != pair[1]]
        for head, tail in links
    ]
    tokens = sum(len(sentence.tokens) for sentence in document.sentences)
    return Abstract(tokens, [own for own in pairs if own])


def mention_of(document: Document, start: int, end: int) -> Mention | None:
    """The tokens that share a character with a span, if there are any."""
    offsets = [offset for sentence in document.sentences for offset in sentence.offsets]
    covered = [i for i, (first, last) in enumerate(offsets) if first < end and last > start]
    if not covered:
        return None
    ends = [0]
    for sentence in document.sentences:
        ends.append(ends[-1] + len(sentence.tokens))
    return Mention(covered[0], covered[-1] + 1, bisect_right(ends, covered[0]))


def share_held(pair: tuple[Mention, Mention], tokens: int | None, length: int, step: int) -> float:
    """Whether some window of an abstract holds a pair; without an end, how probable it is."""
    start, end = min(own.start for own in pair), max(own.end for own in pair)
    if tokens is None:
        return min(1.0, max(0, length - (end - start) + 1) / step)
    last = max(0, tokens - length)
    starts = [*range(0, last, step), last]
    return float(any(first <= start and end <= first + length for first in starts))


def main() -> None:
    """Print the shares of each file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="*", default=FILES)
    for path in parser.parse_args().files:
        abstracts = list(read_abstracts(path))
        mean = fmean(abstract.tokens for abstract in abstracts)
        print(f"{path.name}: {len(abstracts)} abstracts, {mean:.0f} tokens each")
        relations = [own for abstract in abstracts for own in abstract.relations]
        inside = [[float(a.sentence == b.sentence) for a, b in own] for own in relations]
        print(f"  within a sentence{shares(inside)}")
        for length, overlap in product(LENGTHS, OVERLAPS):
            step = length - int(overlap * length)
            for end in (True, False):
                held = [
                    [share_held(pair, a.tokens if end else None, length, step) for pair in own]
                    for a in abstracts
                    for own in a.relations
                ]
                kind = "as they are" if end else "without end"
                print(f"  windows of {length}, overlap {overlap:g}, {kind}{shares(held)}")


def shares(held: Sequence[Sequence[float]]) -> str:
    """The mean over relations of their best pair, and over all pairs, in words."""
    pairs = [share for own in held for share in own]
    return f": {fmean(map(max, held)):.1%} of relations, {fmean(pairs):.1%} of pairs of mentions"


if __name__ == "__main__":
    main()
