"""What an epoch costs by the number of sentences, their tokens and pairs, with sentences on disk.

    python benchmarks/training_scale.py costs.csv --sentences 1000,10000,100000
    python benchmarks/training_scale.py costs.csv --sentences 20000 --joined 4
    python benchmarks/training_scale.py costs.csv --figure costs.png

Makes so many sentences of the example corpus, by putting other names of the same type into them,
and trains a small model on them for one epoch, in a process of its own.  A row holds the processor
time before the epoch and in it, and the memory that the process had for itself at its peak: what it
has not mapped from a file.  Linux.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from dovetail import Document, Entity, Relation, Sentence, read_corpus, write_corpus
from dovetail.config import parse_config
from dovetail.corpora.templates import names_in
from dovetail.training import EpochResult, RunStarted, training_events

EXAMPLES = Path(__file__).parents[1] / "examples" / "harbour"
PER_FILE = 20_000
SAMPLED_EVERY = 0.1  # seconds

Names = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Cost:
    """One training; a pair is two entities of a sentence in one order."""

    sentences: int
    tokens: int
    pairs: int
    prepared_seconds: float
    epoch_seconds: float
    megabytes: float


def main() -> None:
    """Train and add a row for each number of sentences; draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("csv", type=Path, help="the rows; more are added to those that it has")
    parser.add_argument("--sentences", default="", help="numbers of sentences, with commas between")
    parser.add_argument("--joined", type=int, default=1, help="sentences that are put into one")
    parser.add_argument("--figure", type=Path, help="draw all rows")
    options = parser.parse_args()
    for number in map(int, filter(None, options.sentences.split(","))):
        add(options.csv, measured(number, options.joined))
    costs = rows_of(options.csv)
    for cost in costs:
        print(
            f"{cost.sentences:9,} sentences, {cost.tokens:11,} tokens, {cost.pairs:10,} pairs: "
            f"{cost.prepared_seconds:7.1f} s before, {cost.epoch_seconds:7.1f} s an epoch, "
            f"{cost.megabytes:5.0f} MB"
        )
    print(fitted(costs))
    if options.figure:
        draw(costs, options.figure)


def measured(number: int, joined: int) -> Cost:
    """Train for an epoch on so many sentences, in a process that has not made them."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        with spawn.Pool(1) as process:
            tokens, pairs = process.apply(make, (Path(folder), number, joined))
        with spawn.Pool(1) as process:
            cost = process.apply(trained, (Path(folder),))
    return replace(cost, sentences=number, tokens=tokens, pairs=pairs)


def make(root: Path, number: int, joined: int) -> tuple[int, int]:
    """Write so many sentences into files of a folder; their tokens and pairs."""
    (root / "train").mkdir()
    tokens = pairs = 0
    known = read_corpus(EXAMPLES / "train.jsonl").sentences
    made = sentences(known, joined, random.Random(number))
    for start in range(0, number, PER_FILE):
        part = [next(made) for _ in range(min(PER_FILE, number - start))]
        tokens += sum(len(own.tokens) for own in part)
        pairs += sum(len(own.entities) * (len(own.entities) - 1) for own in part)
        file = root / "train" / f"{start:09}.jsonl"
        write_corpus(map(Document.from_sentence, part), file, format="dovetail")
    return tokens, pairs


def trained(root: Path) -> Cost:
    """The times and the memory of a run on the files of a folder."""
    config = parse_config(
        {
            "data": {
                "train": str(root / "train"),
                "dev": str(EXAMPLES / "dev.jsonl"),
                "on_disk": True,
            },
            "encoders": [{"kind": "characters", "hidden_dim": 16}, {"kind": "casing"}],
            "sharing": {"kind": "depth", "hidden_dim": 32, "relation_layers": 1},
            "training": {"epochs": 1, "batch_size": 128, "threads": 1},
        }
    )
    memory = Memory()
    started = time.process_time()
    for event in training_events(config, root / "run"):
        if isinstance(event, RunStarted):
            prepared = time.process_time()
        if isinstance(event, EpochResult):
            over = time.process_time()
    return Cost(0, 0, 0, prepared - started, over - prepared, memory.peak / 1e6)


class Memory:
    """Watches the memory of this process that no file backs."""

    def __init__(self) -> None:
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
            (own,) = (int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))
            self.peak = max(self.peak, own * 1024)
            time.sleep(SAMPLED_EVERY)


def sentences(known: Sequence[Sentence], joined: int, chance: random.Random) -> Iterator[Sentence]:
    """Sentences without end, each of so many known ones with other names."""
    names = names_in(known)
    plain = [own for own in known if not any(entity.fragments for entity in own.entities)]
    while True:
        yield together([renamed(chance.choice(plain), names, chance) for _ in range(joined)])


def renamed(sentence: Sentence, names: Names, chance: random.Random) -> Sentence:
    """The sentence with other entities of the same types."""
    tokens: list[str] = []
    moved: dict[Entity, Entity] = {}
    after = 0
    for own in sentence.sorted_entities:
        if own.start >= after and own.type in names:
            tokens += sentence.tokens[after : own.start]
            name = chance.choice(names[own.type]).split()
            moved[own] = Entity(len(tokens), len(tokens) + len(name), own.type)
            tokens += name
            after = own.end
    tokens += sentence.tokens[after:]
    links = (own for own in sentence.relations if {own.head, own.tail} <= moved.keys())
    relations = [Relation(moved[own.head], moved[own.tail], own.type) for own in links]
    return Sentence.from_tokens(tokens, entities=moved.values(), relations=relations)


def together(parts: Sequence[Sentence]) -> Sentence:
    """Several sentences as one."""
    tokens: list[str] = []
    entities: list[Entity] = []
    relations: list[Relation] = []
    for part in parts:
        moved = {own: own.moved(len(tokens)) for own in part.entities}
        entities += moved.values()
        relations += (
            Relation(moved[own.head], moved[own.tail], own.type) for own in part.relations
        )
        tokens += part.tokens
    return Sentence.from_tokens(tokens, entities=entities, relations=relations)


def add(path: Path, cost: Cost) -> None:
    """Add a row."""
    values = asdict(cost)
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, values)
        if new:
            writer.writeheader()
        writer.writerow({k: round(v, 2) if isinstance(v, float) else v for k, v in values.items()})


def rows_of(path: Path) -> list[Cost]:
    """The rows of a file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Cost(
                *(int(row[name]) for name in ("sentences", "tokens", "pairs")),
                *(float(row[n]) for n in ("prepared_seconds", "epoch_seconds", "megabytes")),
            )
            for row in csv.DictReader(file)
        ]


def fitted(costs: Sequence[Cost]) -> str:
    """What a sentence, a token and a pair cost, by least squares of relative errors."""
    parts = np.array([[1.0, own.sentences, own.tokens, own.pairs] for own in costs])
    seconds = np.array([own.epoch_seconds for own in costs])
    weights, _ = nnls(parts / seconds[:, None], np.ones(len(costs)))
    worst = np.abs(parts @ weights / seconds - 1).max()
    return (
        f"an epoch takes {weights[0]:.1f} s + {1e6 * weights[1]:.0f} µs a sentence + "
        f"{1e6 * weights[2]:.1f} µs a token + {1e6 * weights[3]:.1f} µs a pair, to within "
        f"{worst:.0%} of each row"
    )


def draw(costs: Sequence[Cost], path: Path) -> None:
    """Time and memory against the number of tokens, by how long the sentences are."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained", dpi=150)
    times, memory = figure.subplots(1, 2)
    by_length: dict[int, list[Cost]] = {}
    for own in sorted(costs, key=lambda own: own.tokens):
        by_length.setdefault(round(own.tokens / own.sentences), []).append(own)
    for length, own in sorted(by_length.items()):
        tokens = [cost.tokens for cost in own]
        label = f"{length} tokens a sentence"
        times.loglog(tokens, [cost.epoch_seconds for cost in own], "o-", label=label)
        memory.semilogx(tokens, [cost.megabytes for cost in own], "o-")
    times.set(xlabel="tokens", ylabel="an epoch, in seconds of one processor")
    times.legend(frameon=False)
    memory.set(xlabel="tokens", ylabel="MB at the peak", ylim=(0, None))
    for plot in (times, memory):
        plot.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


if __name__ == "__main__":
    main()
