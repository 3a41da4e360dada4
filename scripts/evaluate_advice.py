"""How good the advice is for corpora that it was not made from: each of CrossRE's domains in turn.

    dovetail experiment experiments/advise_crossre.toml
    dovetail advise recipes/crossre.toml --runs runs/advise --set seed=101 --set name=crossre-ai
    …                        # and for each other domain, with its files in data.train and data.dev
    python scripts/evaluate_advice.py runs runs/advise [--write]

The truth about a domain is the mean test score of each way of sharing over the seeds of the
experiment.  The advice for it has pilots with other seeds, on dev sentences, and a prior from
CoNLL04 and the other five domains.  With --write the table goes into docs/advise.md.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import Any

from dovetail.lab.advice.advice import Judged, judge
from dovetail.lab.advice.candidates import Candidate
from dovetail.lab.advice.known import Known, KnownCell
from dovetail.lab.advice.pilots import Pilot
from dovetail.lab.advice.posterior import Normal
from dovetail.lab.experiment_plan import load_plan
from dovetail.lab.statistics.cell_results import CellResult
from dovetail.lab.statistics.experiment_folder import Experiment

PROJECT = Path(__file__).resolve().parent.parent
PLAN = PROJECT / "experiments" / "advise_crossre.toml"
PAGE = PROJECT / "docs" / "advise.md"
TABLE = re.compile(r"(<!-- advice -->\n).*?(<!-- end -->)", re.DOTALL)

Scores = Mapping[str, Sequence[float]]
"""Test scores of each way of sharing, by seed."""


@dataclass(frozen=True)
class Truth:
    """What the experiment found on one corpus, and the way of sharing that is the default."""

    scores: Scores
    default: str
    sentences: int
    """On which the scores were made."""

    def error(self, plan: str, known: Known) -> float:
        """The variance of a gain around the one that more seeds and sentences would show."""
        seeds = min(len(self.scores[plan]), len(self.scores[self.default]))
        return known.noise.of_seeds / seeds + known.noise.of_sentences / self.sentences

    @property
    def means(self) -> dict[str, float]:
        """The mean score of each way of sharing."""
        return {plan: fmean(own) for plan, own in self.scores.items()}

    @property
    def deviation(self) -> float:
        """The standard deviation between seeds, pooled over the ways of sharing."""
        found = [variance(own) for own in self.scores.values() if len(own) > 1]
        return math.sqrt(fmean(found)) if found else 0.0

    @property
    def good(self) -> set[str]:
        """The ways of sharing within one standard deviation of the best."""
        least = max(self.means.values()) - self.deviation
        return {plan for plan, mean in self.means.items() if mean >= least}

    def gain(self, plan: str) -> float:
        """The gain over the default."""
        return self.means[plan] - self.means[self.default]

    def regret(self, plan: str) -> float:
        """The loss against the best."""
        return max(self.means.values()) - self.means[plan]


@dataclass(frozen=True)
class Row:
    """A way to choose: how often it was good enough, and what it gained and missed in the mean."""

    name: str
    good: float
    corpora: int
    gain: float
    regret: float


def row_of(name: str, picks: Mapping[str, str], truths: Mapping[str, Truth]) -> Row:
    """How good the picks for some corpora were."""
    chosen = [(truths[corpus], pick) for corpus, pick in picks.items()]
    return Row(
        name,
        sum(pick in truth.good for truth, pick in chosen),
        len(chosen),
        fmean(truth.gain(pick) for truth, pick in chosen),
        fmean(truth.regret(pick) for truth, pick in chosen),
    )


def chance(truths: Mapping[str, Truth]) -> Row:
    """What a pick at random comes to in the mean."""
    own = [*truths.values()]
    return Row(
        "chance",
        sum(len(truth.good) / len(truth.means) for truth in own),
        len(own),
        fmean(fmean(map(truth.gain, truth.means)) for truth in own),
        fmean(fmean(map(truth.regret, truth.means)) for truth in own),
    )


def known_of(results: Sequence[CellResult]) -> Iterator[KnownCell]:
    """The trainings of the experiment, as advice knows them."""
    for result in results:
        dev, test = (
            len((result.folder.path / "gold" / f"{split}.jsonl").read_text("utf-8").splitlines())
            for split in ("dev", "test")
        )
        corpora = result.cell.corpora
        yield KnownCell(
            experiment="advise_crossre",
            corpus=f"crossre/{result.cell.fold}",
            plan=result.cell.config.sharing.plan,
            seed=result.cell.seed or 0,
            dev_entity=result.f1("dev", "entity_micro", corpora),
            dev_relation=result.f1("dev", "relation_micro", corpora),
            test_entity=result.f1("test", "entity_micro", corpora),
            test_relation=result.f1("test", "relation_micro", corpora),
            dev_sentences=dev,
            test_sentences=test,
        )


def truths_of(cells: Sequence[KnownCell], plans: Sequence[str], select: str) -> dict[str, Truth]:
    """What was found on each corpus where all ways of sharing were trained, the default first."""
    found: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        found[cell.corpus][cell.plan].append(cell.score(select))
    sentences = {cell.corpus: cell.test_sentences for cell in cells}
    return {
        corpus: Truth(own, plans[0], sentences[corpus])
        for corpus, own in found.items()
        if own.keys() == {*plans}
    }


@dataclass(frozen=True)
class Advised:
    """The advice for a corpus that it does not know, remade from stored pilots."""

    values: Mapping[str, Any]
    known: Known
    plans: Sequence[str]

    def judged(self, *, with_pilots: bool = True) -> tuple[Judged, ...]:
        """What it expects of each way of sharing."""
        default = str(self.values["default"])
        pilots = [Pilot(**own) for own in self.values["pilots"]] if with_pilots else []
        return judge(
            [Candidate(plan, {}, "") for plan in self.plans if plan != default],
            Candidate(default, {}, ""),
            pilots,
            self.known,
            dev_sentences=sum(own["dev_sentences"] for own in self.values["facts"]["corpora"]),
            share=self.values["epochs"] / self.values["full_epochs"],
        )

    def pick(self, is_taken: Callable[[Judged], bool], *, with_pilots: bool = True) -> str:
        """The best that is taken, else the default."""
        best = self.judged(with_pilots=with_pilots)[0]
        return best.candidate.name if is_taken(best) else str(self.values["default"])

    def pick_of_pilots(self) -> str:
        """The best by the pilots alone."""
        tried = [own for own in self.judged() if own.differences]
        best = max(tried, key=lambda own: fmean(own.differences), default=None)
        if best is None or fmean(best.differences) <= 0:
            return str(self.values["default"])
        return best.candidate.name


def advised_for(
    corpus: str, pilots: Path, cells: Sequence[KnownCell], select: str
) -> Advised | None:
    """The advice for a corpus from its pilots; None if there are none."""
    path = pilots / f"{corpus.replace('/', '-')}-advice" / "advice.json"
    if not path.is_file():
        return None
    package = Known.of_package(select).cells
    others = [cell for cell in package if not cell.corpus.startswith("crossre")]
    others += [cell for cell in cells if cell.corpus != corpus]
    values = json.loads(path.read_text(encoding="utf-8"))
    return Advised(values, Known(tuple(others), select), sorted({cell.plan for cell in cells}))


def table(truths: Mapping[str, Truth], advised: Mapping[str, Advised]) -> str:
    """The table, and how often the intervals hold, in Markdown."""
    truths = {corpus: truths[corpus] for corpus in advised}
    plans = sorted(next(iter(truths.values())).means)
    ways: dict[str, Callable[[Advised], str]] = {
        "`dovetail advise`": lambda own: own.pick(lambda best: best.is_probably_better),
        "the largest expected gain, however unsure": lambda own: own.pick(
            lambda best: best.gain.mean > 0
        ),
        "other corpora alone": lambda own: own.pick(
            lambda best: best.gain.mean > 0, with_pilots=False
        ),
        "pilots alone": Advised.pick_of_pilots,
    }
    rows = [
        row_of(name, {corpus: way(own) for corpus, own in advised.items()}, truths)
        for name, way in ways.items()
    ]
    rows += [row_of(f"always {plan}", dict.fromkeys(advised, plan), truths) for plan in plans]
    rows.append(chance(truths))
    lines = [
        "| way to choose | within one standard deviation of the best | gain over the default | "
        "loss against the best |",
        "|---|---|---|---|",
        *(
            f"| {row.name} | {row.good:.3g} of {row.corpora} | {100 * row.gain:+.1f} | "
            f"{100 * row.regret:.1f} |"
            for row in rows
        ),
    ]
    return "\n".join([*lines, "", sentence_on(truths, advised)]) + "\n"


def sentence_on(truths: Mapping[str, Truth], advised: Mapping[str, Advised]) -> str:
    """How often the 90 % intervals held the gain on test, and the deviation between seeds.

    That gain is measured itself, with so few seeds on so few sentences: an interval for what is
    measured is as much wider.
    """
    pairs = [
        (own.gain, truth.gain(own.candidate.name), truth.error(own.candidate.name, advice.known))
        for truth, advice in ((truths[corpus], advice) for corpus, advice in advised.items())
        for own in advice.judged()
    ]
    held = sum(holds(gain, seen) for gain, seen, _ in pairs)
    held_wider = sum(holds(gain, seen, error) for gain, seen, error in pairs)
    deviation = fmean(truth.deviation for truth in truths.values())
    seeds = {len(own) for truth in truths.values() for own in truth.scores.values()}
    number = f"{min(seeds)}" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
    return (
        f"Points of the mean of both F1, in the mean over {number} seeds, which differ by "
        f"{100 * deviation:.1f} points (standard deviation). {held} of {len(pairs)} intervals "
        f"of 90 % held the gain that the test sentences showed. That gain is unsure itself, with "
        f"so few seeds and sentences; intervals that are as much wider held {held_wider}."
    )


def holds(gain: Normal, seen: float, error: float = 0.0) -> bool:
    """Whether the interval of a gain, with this variance added, holds the one that was seen."""
    low, high = Normal(gain.mean, gain.variance + error).interval()
    return low <= seen <= high


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, help="the folder that holds advise_crossre")
    parser.add_argument("pilots", type=Path, help="the folder that holds crossre-DOMAIN-advice")
    parser.add_argument("--write", action="store_true", help=f"write it into {PAGE.name}")
    arguments = parser.parse_args()
    plan = load_plan(PLAN)
    cells = [*known_of(Experiment.of_plan(plan, arguments.runs).results())]
    plans = [plan.first, *(row.name for row in plan.rows if row.name != plan.first)]
    select = "mean"
    truths = truths_of(cells, plans, select)
    found = {corpus: advised_for(corpus, arguments.pilots, cells, select) for corpus in truths}
    advised = {corpus: own for corpus, own in found.items() if own is not None}
    if not advised:
        parser.error("no corpus has both all trainings and pilots yet")
    text = table(truths, advised)
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(TABLE.sub(lambda own: own[1] + text + own[2], page), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
