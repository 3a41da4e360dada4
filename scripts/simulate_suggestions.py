"""How many labels suggestions save: annotation in batches, simulated on corpora with gold labels.

    DOVETAIL_DATA=… python scripts/simulate_suggestions.py conll04 --seeds 1,2 --most 500 --write

It starts with 50 sentences drawn by the seed, trains, chooses 50 more by the model (or at random)
and trains anew on all of them, from scratch, as somebody would who annotates.  The scores of each
round are test scores; nothing is chosen by them.  Rounds are kept in results/suggestions, and the
same command goes on after the last one.  With --write the tables go into docs/suggest.md.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from dovetail import Extractor
from dovetail.config import load_config
from dovetail.corpora import read_corpus, write_corpus
from dovetail.evaluation import evaluate
from dovetail.suggestion import Doubted, chosen, doubted
from dovetail.text.document import Document, Sentence
from dovetail.training import train

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "results" / "suggestions"
PAGE = PROJECT / "docs" / "suggest.md"
TABLE = re.compile(r"(<!-- simulated -->\n).*?(<!-- end -->)", re.DOTALL)

START, BATCH = 50, 50
STEPS = 460
"""Steps of each training, whatever the number of sentences: as many as 16 epochs of all have."""

FILES = {
    "conll04": ("conll04/conll04_train.json", "conll04/conll04_test.json"),
    "ade": ("ade/ade_split_0_train.json", "ade/ade_split_0_test.json"),
}
WAYS = ("random", "suggested", "doubted most")
FIELDS = ("corpus", "way", "seed", "sentences", "tokens", "entity_f1", "relation_f1", "chosen")


@dataclass(frozen=True)
class Round:
    """A training on so many sentences, and which ones."""

    corpus: str
    way: str
    seed: int
    sentences: int
    tokens: int
    entity_f1: float
    relation_f1: float
    chosen: tuple[int, ...]


def main() -> None:
    """Go on with the simulation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("corpus", choices=FILES)
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--ways", default="random,suggested")
    parser.add_argument("--most", type=int, default=0, help="sentences to end at; 0: all")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the corpora")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/suggest.md")
    given = parser.parse_args()
    for seed in map(int, given.seeds.split(",")):
        for way in given.ways.split(","):
            for done in simulated(given.corpus, way, seed, given.most, given.data):
                print(
                    f"{done.corpus} {done.way} seed {done.seed}: {done.sentences} sentences, "
                    f"entities {100 * done.entity_f1:.1f}, relations {100 * done.relation_f1:.1f}",
                    flush=True,
                )
        whole(given.corpus, seed, given.data)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(TABLE.sub(lambda m: f"{m[1]}\n{table()}\n\n{m[2]}", page), "utf-8")


def simulated(corpus: str, way: str, seed: int, most: int, data: Path) -> Iterator[Round]:
    """The rounds of one simulation that are not known yet."""
    train_file, test_file = (data / name for name in FILES[corpus])
    pool = read_corpus(train_file).documents
    order = random.Random(seed).sample(range(len(pool)), len(pool))
    known = [own for own in read_rounds() if (own.corpus, own.way, own.seed) == (corpus, way, seed)]
    taken = list(known[-1].chosen) if known else []
    limit = min(most or len(pool), len(pool))
    while len(taken) < limit:
        with tempfile.TemporaryDirectory() as folder:
            if not taken:
                taken = order[:START]
            elif way == "random":
                taken = order[: min(len(taken) + BATCH, limit)]
            else:
                extractor = trained([pool[index] for index in taken], seed, Path(folder), data)
                left = sorted({*range(len(pool))} - {*taken})
                texts = doubted(extractor, (pool[index] for index in left))
                taken += best(list(texts), left, min(BATCH, limit - len(taken)), way)
            own = scored(corpus, way, seed, taken, pool, test_file, data)
        append(own)
        yield own


def best(texts: Sequence[Doubted], left: Sequence[int], number: int, way: str) -> list[int]:
    """The indices of the sentences to annotate."""
    places = {id(text): index for text, index in zip(texts, left, strict=True)}
    if way == "suggested":
        return [places[id(text)] for text in chosen(texts, number).texts]
    ranked = sorted(texts, key=lambda text: -text.mistakes / text.tokens**0.5)
    return [places[id(text)] for text in ranked[:number]]


def whole(corpus: str, seed: int, data: Path) -> None:
    """The score with all labels."""
    if any((own.corpus, own.way, own.seed) == (corpus, "all", seed) for own in read_rounds()):
        return
    pool = read_corpus(data / FILES[corpus][0]).documents
    test_file = data / FILES[corpus][1]
    append(scored(corpus, "all", seed, range(len(pool)), pool, test_file, data))


def scored(
    corpus: str,
    way: str,
    seed: int,
    taken: Sequence[int],
    pool: Sequence[Document],
    test_file: Path,
    data: Path,
) -> Round:
    """Train on the sentences of these indices, and score on test sentences."""
    documents = [pool[index] for index in taken]
    with tempfile.TemporaryDirectory() as folder:
        extractor = trained(documents, seed, Path(folder), data)
        gold = [own for document in read_corpus(test_file).documents for own in document.sentences]
        scores = evaluate(gold, extractor.annotate(gold), bootstrap_samples=0)
    return Round(
        corpus,
        way,
        seed,
        len(taken),
        sum(len(own.tokens) for document in documents for own in document.sentences),
        scores.entity_strict.micro.f1,
        scores.relation_strict.micro.f1,
        tuple(taken),
    )


def trained(documents: Sequence[Document], seed: int, folder: Path, data: Path) -> Extractor:
    """A model of these sentences, without a dev set: the last weights count."""
    write_corpus(documents, folder / "train.jsonl", format="dovetail")
    epochs = max(16, round(STEPS / -(-len(documents) // 32)))
    config = load_config(
        PROJECT / "experiments" / "configs" / "conll04.toml",
        [
            f'data.train="{folder / "train.jsonl"}"',
            "data.dev_fraction=0",
            f"training.epochs={epochs}",
            f"seed={seed}",
        ],
    )
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    return Extractor.load(train(config, run).model, threads=1)


def read_rounds() -> list[Round]:
    """All rounds that are known, in the order in which they were made."""
    path = RESULTS / "rounds.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return [
            Round(
                row["corpus"],
                row["way"],
                int(row["seed"]),
                int(row["sentences"]),
                int(row["tokens"]),
                float(row["entity_f1"]),
                float(row["relation_f1"]),
                tuple(map(int, row["chosen"].split())),
            )
            for row in csv.DictReader(file)
        ]


def append(own: Round) -> None:
    """Keep a round."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "rounds.csv"
    is_new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(FIELDS)
        indices = " ".join(map(str, own.chosen)) if own.way != "all" else ""
        scores = (f"{own.entity_f1:.4f}", f"{own.relation_f1:.4f}")
        writer.writerow(
            (own.corpus, own.way, own.seed, own.sentences, own.tokens, *scores, indices)
        )


if __name__ == "__main__":
    main()
