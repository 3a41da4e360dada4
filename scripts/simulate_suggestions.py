"""How many labels suggestions save: annotation in batches, simulated on corpora with gold labels.

    python scripts/simulate_suggestions.py conll04 --data DATA --seeds 1,2 --most 500 --write

It starts with 50 sentences drawn by the seed, trains, chooses 50 more by the model (or at random)
and trains anew on all of them, from scratch, as somebody would who annotates.  The scores of each
round are test scores; nothing is chosen by them.  Rounds are kept in results/suggestions, and the
same command goes on after the last one.  With --write the tables go into
docs/results/suggestions.md, and the learning curves into results/suggestions/curves.png.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import t

from dovetail import Extractor
from dovetail.config import load_config
from dovetail.corpora import read_corpus, write_corpus
from dovetail.evaluation import evaluate
from dovetail.lab.statistics.text_table import TextTable, signed
from dovetail.suggestion import chosen, doubted
from dovetail.text.document import Document
from dovetail.training import train

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "results" / "suggestions"
PAGE = PROJECT / "docs" / "results" / "suggestions.md"
TABLE = re.compile(r"(<!-- simulated -->\n).*?(<!-- end -->)", re.DOTALL)

CONFIG = PROJECT / "experiments" / "configs" / "conll04.toml"

START, BATCH = 50, 50
STEPS, EPOCHS = 240, 16
"""Each training has at least so many steps and epochs, whatever the number of sentences."""

FILES = {
    "conll04": ("conll04/conll04_train.json", "conll04/conll04_test.json"),
    "ade": ("ade/ade_split_0_train.json", "ade/ade_split_0_test.json"),
}
WAYS = ("random", "suggested", "doubted most")
MORE = ((50, 100), (100, 200), (200, 400), (400, 600))
"""From how many sentences to how many the gain is told."""

SCORES = {"entity_f1": "entities", "relation_f1": "relations"}
COLOURS = {"random": "#8a8a8a", "suggested": "#0b6e99", "doubted most": "#b5541c"}
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
    parser.add_argument(
        "--write", action="store_true", help="write the tables into docs/results/suggestions.md"
    )
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
        draw_curves(read_rounds(), RESULTS / "curves.png")


def simulated(corpus: str, way: str, seed: int, most: int, data: Path) -> Iterator[Round]:
    """The rounds of one simulation that are not known yet."""
    pool = read_corpus(data / FILES[corpus][0]).documents
    order = random.Random(seed).sample(range(len(pool)), len(pool))
    known = [own for own in read_rounds() if (own.corpus, own.way, own.seed) == (corpus, way, seed)]
    taken = list(known[-1].chosen) if known else order[:START]
    limit = min(most or len(pool), len(pool))
    is_known = bool(known)
    while not is_known or len(taken) < limit:
        extractor = trained([pool[index] for index in taken], seed)
        if not is_known:
            own = scored(extractor, (corpus, way, seed), taken, pool, data)
            append(own)
            yield own
        if len(taken) >= limit:
            return
        number = min(BATCH, limit - len(taken))
        taken = [*taken, *next_ones(extractor, way, pool, taken, order)[:number]]
        is_known = False


def next_ones(
    extractor: Extractor,
    way: str,
    pool: Sequence[Document],
    taken: Sequence[int],
    order: Sequence[int],
) -> list[int]:
    """The indices of a batch of sentences to annotate next."""
    left = [index for index in order if index not in {*taken}]
    if way == "random":
        return left[:BATCH]
    texts = list(doubted(extractor, (pool[index] for index in left)))
    places = {id(text): index for text, index in zip(texts, left, strict=True)}
    if way == "suggested":
        return [places[id(text)] for text in chosen(texts, BATCH).texts]
    ranked = sorted(texts, key=lambda text: -text.mistakes / text.tokens**0.5)
    return [places[id(text)] for text in ranked[:BATCH]]


def whole(corpus: str, seed: int, data: Path) -> None:
    """The score with all labels."""
    if any((own.corpus, own.way, own.seed) == (corpus, "all", seed) for own in read_rounds()):
        return
    pool = read_corpus(data / FILES[corpus][0]).documents
    append(scored(trained(pool, seed), (corpus, "all", seed), range(len(pool)), pool, data))


def scored(
    extractor: Extractor,
    of: tuple[str, str, int],
    taken: Sequence[int],
    pool: Sequence[Document],
    data: Path,
) -> Round:
    """The scores on test sentences; `of` are corpus, way and seed."""
    documents = read_corpus(data / FILES[of[0]][1]).documents
    gold = [own for document in documents for own in document.sentences]
    scores = evaluate(gold, extractor.annotate(gold), bootstrap_samples=0)
    return Round(
        *of,
        len(taken),
        sum(len(own.tokens) for index in taken for own in pool[index].sentences),
        scores.entity_strict.micro.f1,
        scores.relation_strict.micro.f1,
        tuple(taken),
    )


def trained(documents: Sequence[Document], seed: int) -> Extractor:
    """A model of these sentences, without a dev set: the last weights count."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "train.jsonl"
        write_corpus(documents, corpus, format="dovetail")
        epochs = max(EPOCHS, round(STEPS / -(-len(documents) // 32)))
        own = (f'data.train="{corpus}"', f"training.epochs={epochs}", f"seed={seed}")
        config = load_config(CONFIG, [*own, "data.dev=[]", "training.threads=1"])
        return Extractor.load(train(config, Path(folder) / "run").model_folder, threads=1)


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


def table() -> str:
    """The scores by the number of sentences, and how many reach 95 % of the score with all."""
    rounds = read_rounds()
    return "\n\n".join(
        part
        for corpus in FILES
        if any(own.corpus == corpus for own in rounds)
        for part in tables_of(corpus, [own for own in rounds if own.corpus == corpus])
    )


def tables_of(corpus: str, rounds: Sequence[Round]) -> Iterator[str]:
    """The tables of a corpus."""
    ways = [way for way in WAYS if any(own.way == way for own in rounds)]
    numbers = sorted({own.sentences for own in rounds if own.way != "all"})
    rows = []
    for number in numbers:
        cells = [[own for own in rounds if (own.way, own.sentences) == (w, number)] for w in ways]
        if all(cells):
            rows.append((f"{number:,}", *(spread(own) for own in cells)))
    everything = [own for own in rounds if own.way == "all"]
    if everything:
        rows.append((f"all {everything[0].sentences:,}", *(spread(everything) for _ in ways)))
    yield f"**{corpus}**: strict F1 of entities / relations on test sentences"
    yield TextTable("", ("sentences", *ways), tuple(rows)).markdown()
    needed = tuple((way, *needed_by(way, rounds)) for way in ways)
    yield "To reach 95 % of the score with all labels, sentences (tokens), mean over seeds:"
    yield TextTable("", ("way", "seeds", "entities", "relations"), needed).markdown()
    gains = tuple(row for way in ways for row in gains_of(way, rounds))
    yield "What more labels bring, in points of F1, mean over seeds with its 95 % interval:"
    yield TextTable("", ("way", "sentences", "entities", "relations"), gains).markdown()


def gains_of(way: str, rounds: Sequence[Round]) -> Iterator[tuple[str, ...]]:
    """The gain of each step of `MORE`, seed by seed, with Student's interval of the mean."""
    by_place = {(own.seed, own.sentences): own for own in rounds if own.way == way}
    for less, more in MORE:
        pairs = [
            (own, by_place[seed, more])
            for (seed, number), own in by_place.items()
            if number == less and (seed, more) in by_place
        ]
        if len(pairs) > 1:
            texts = []
            for score in SCORES:
                gains = [100 * (getattr(b, score) - getattr(a, score)) for a, b in pairs]
                mean = fmean(gains)
                half = t.ppf(0.975, len(gains) - 1) * stdev(gains) / len(gains) ** 0.5
                interval = f"[{signed(mean - half)}, {signed(mean + half)}]"
                texts.append(f"{signed(mean)} {interval}")
            yield (way, f"{less} to {more}", *texts)


def draw_curves(rounds: Sequence[Round], path: Path) -> None:
    """Draw the scores by the number of sentences, a line for each way, with one deviation."""
    corpora = [corpus for corpus in FILES if any(own.corpus == corpus for own in rounds)]
    figure = Figure(figsize=(9.0, 3.4 * len(corpora)), layout="constrained")
    plots = figure.subplots(len(corpora), len(SCORES), squeeze=False)
    for line, corpus in zip(plots, corpora, strict=True):
        own = [one for one in rounds if one.corpus == corpus]
        for plot, (score, name) in zip(line, SCORES.items(), strict=True):
            for way in WAYS:
                draw_curve(plot, [one for one in own if one.way == way], score, way)
            everything = [100 * getattr(one, score) for one in own if one.way == "all"]
            if everything:
                plot.axhline(fmean(everything), color="black", linewidth=0.8, linestyle=":")
                label = "all labels"
                plot.annotate(label, (1, fmean(everything)), xycoords=("axes fraction", "data"))
            plot.set_title(f"{corpus}, {name}", fontsize=10)
            plot.set_xlabel("sentences annotated")
            plot.set_ylabel("test F1, %")
            plot.legend(frameon=False, fontsize=8, loc="lower right")
            plot.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def draw_curve(plot: Axes, rounds: Sequence[Round], score: str, way: str) -> None:
    """Draw the line of a way, where all of its seeds have come."""
    seeds = {own.seed for own in rounds}
    numbers = sorted({own.sentences for own in rounds})
    by_number = {
        number: [100 * getattr(own, score) for own in rounds if own.sentences == number]
        for number in numbers
    }
    whole = [number for number in numbers if len(by_number[number]) == len(seeds)]
    if not whole:
        return
    means = [fmean(by_number[number]) for number in whole]
    plot.plot(
        whole,
        means,
        color=COLOURS[way],
        label=f"{way}, {len(seeds)} seed{'s' * (len(seeds) > 1)}",
        linewidth=1.6,
    )
    if len(seeds) > 1:
        deviations = [stdev(by_number[number]) for number in whole]
        pairs = [*zip(means, deviations, strict=True)]
        low, high = [m - d for m, d in pairs], [m + d for m, d in pairs]
        plot.fill_between(whole, low, high, color=COLOURS[way], alpha=0.15, linewidth=0)


def spread(rounds: Sequence[Round]) -> str:
    """Mean and standard deviation of both scores."""
    texts = []
    for values in ([own.entity_f1 for own in rounds], [own.relation_f1 for own in rounds]):
        deviation = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
        texts.append(f"{100 * fmean(values):.1f}{deviation}")
    return " / ".join(texts)


def needed_by(way: str, rounds: Sequence[Round]) -> list[str]:
    """How many sentences and tokens reach 95 % of what all reach with the same seed."""
    whole_of = {own.seed: own for own in rounds if own.way == "all"}
    seeds = sorted({own.seed for own in rounds if own.way == way} & whole_of.keys())
    texts = [str(len(seeds))]
    for score in ("entity_f1", "relation_f1"):
        reached = []
        for seed in seeds:
            own = [r for r in rounds if (r.way, r.seed) == (way, seed)]
            goal = 0.95 * getattr(whole_of[seed], score)
            first = next((r for r in own if getattr(r, score) >= goal), None)
            if first is not None:
                reached.append(first)
        if len(reached) < len(seeds) or not seeds:
            texts.append(f"reached by {len(reached)} of {len(seeds)}")
            continue
        sentences = [own.sentences for own in reached]
        deviation = f" ± {stdev(sentences):.0f}" if len(sentences) > 1 else ""
        tokens = fmean(own.tokens for own in reached)
        texts.append(f"{fmean(sentences):.0f}{deviation} ({tokens:,.0f})")
    return texts


if __name__ == "__main__":
    main()
