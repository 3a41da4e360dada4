"""Scores of the candidates on known corpora, from which the gains on another one are foreseen.

known.csv has a row for each training of an experiment: scripts/write_known_gains.py makes it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from statistics import fmean, variance

from dovetail.files.writing import open_atomically
from dovetail.lab.advice.posterior import Noise, Normal, of_a_further_corpus
from dovetail.text.document import ENTITY_TASK, RELATION_TASK

FILE = "known.csv"

LEAST = 0.005**2
"""The variance between corpora, and between candidates, is held to be at least this."""

UNKNOWN_SPREAD = 0.02**2
"""The variance between corpora, as long as fewer than three are known."""


@dataclass(frozen=True)
class KnownCell:
    """A training of a plan: where, with which seed, its strict micro-F1, on how many sentences."""

    experiment: str
    corpus: str
    plan: str
    seed: int
    dev_entity: float
    dev_relation: float
    test_entity: float
    test_relation: float
    dev_sentences: int
    test_sentences: int

    def score(self, select: str, split: str = "test") -> float:
        """The score that an epoch is chosen by: of one task, or the mean of both."""
        own = {
            ENTITY_TASK: getattr(self, f"{split}_entity"),
            RELATION_TASK: getattr(self, f"{split}_relation"),
        }
        return float(own[select]) if select in own else fmean(own.values())

    @property
    def place(self) -> tuple[str, str]:
        """The trainings that its score can be compared with."""
        return self.experiment, self.corpus


@dataclass(frozen=True)
class Gain:
    """The gain of a plan over another one in one place, by seeds, and on dev in the mean."""

    corpus: str
    by_seed: tuple[float, ...]
    on_dev: float
    dev_sentences: int
    test_sentences: int

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.by_seed)


@dataclass(frozen=True)
class Known:
    """Known trainings, and what they say of plans on a corpus that is not among them."""

    cells: tuple[KnownCell, ...]
    select: str = "mean"

    @classmethod
    def of_package(cls, select: str = "mean") -> Known:
        """The trainings that come with Dovetail."""
        with as_file(files("dovetail.lab.advice").joinpath(FILE)) as path:
            return cls.of_file(path, select)

    @classmethod
    def of_file(cls, path: Path, select: str = "mean") -> Known:
        """The trainings that `write_known` wrote."""
        with path.open(encoding="utf-8", newline="") as file:
            return cls(tuple(map(_cell, csv.DictReader(file))), select)

    def without(self, corpora: Iterable[str]) -> Known:
        """The same without some corpora, as if nothing were known of them."""
        left_out = {*corpora}
        kept = tuple(cell for cell in self.cells if cell.corpus not in left_out)
        return Known(kept, self.select)

    @property
    def corpora(self) -> list[str]:
        """The corpora, each once."""
        return [*dict.fromkeys(cell.corpus for cell in self.cells)]

    def gains(self, plan: str, default: str) -> list[Gain]:
        """The gains of a plan over the default, one for each place where both were trained."""
        found = []
        for by_plan in self._by_place.values():
            own, other = by_plan.get(plan, {}), by_plan.get(default, {})
            seeds = sorted(own.keys() & other.keys())
            if seeds and plan != default:
                found.append(self._gain([(own[seed], other[seed]) for seed in seeds]))
        return found

    def prior(self, plan: str, default: str) -> Normal:
        """What to expect of a plan on a corpus that is not known."""
        gains = [Normal(gain.mean, self._error(gain)) for gain in self.gains(plan, default)]
        return of_a_further_corpus(gains, spread=self.spread, reach=self.reach)

    @cached_property
    def noise(self) -> Noise:
        """What makes differences deviate, pooled over all plans and places."""
        of_seeds = [variance(own.by_seed) for own in self._all_gains if len(own.by_seed) > 1]
        # Dev and test gains of the same models differ by the sentences alone.
        of_sentences = [
            (own.mean - own.on_dev) ** 2 / (1 / own.dev_sentences + 1 / own.test_sentences)
            for own in self._all_gains
        ]
        return Noise(_mean_or_least(of_seeds), _mean_or_least(of_sentences))

    @cached_property
    def spread(self) -> float:
        """The variance of a plan's true gain between corpora."""
        found = []
        for own in self._gains_by_plan.values():
            by_corpus: defaultdict[str, list[Gain]] = defaultdict(list)
            for gain in own:
                by_corpus[gain.corpus].append(gain)
            if len(by_corpus) > 2:
                means = [fmean(gain.mean for gain in gains) for gains in by_corpus.values()]
                errors = [
                    fmean(map(self._error, gains)) / len(gains) for gains in by_corpus.values()
                ]
                found.append(variance(means) - fmean(errors))
        return max(LEAST, fmean(found)) if found else UNKNOWN_SPREAD

    @cached_property
    def reach(self) -> float:
        """The variance of the mean gains of plans around zero."""
        found = [
            fmean(gain.mean for gain in own) ** 2
            - fmean(self._error(gain) + self.spread for gain in own) / len(own)
            for own in self._gains_by_plan.values()
        ]
        return max(LEAST, fmean(found)) if found else LEAST

    def _error(self, gain: Gain) -> float:
        return (
            self.noise.of_seeds / len(gain.by_seed) + self.noise.of_sentences / gain.test_sentences
        )

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], Mapping[str, Mapping[int, KnownCell]]]:
        found: defaultdict[tuple[str, str], dict[str, dict[int, KnownCell]]] = defaultdict(dict)
        for cell in self.cells:
            found[cell.place].setdefault(cell.plan, {})[cell.seed] = cell
        return found

    @cached_property
    def _gains_by_plan(self) -> dict[str, list[Gain]]:
        """The gains of every plan over the one that was trained in most places."""
        places: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for cell in self.cells:
            places[cell.plan].add(cell.place)
        if not places:
            return {}
        common = max(sorted(places), key=lambda plan: len(places[plan]))
        return {plan: own for plan in sorted(places) if (own := self.gains(plan, common))}

    @property
    def _all_gains(self) -> list[Gain]:
        return [gain for own in self._gains_by_plan.values() for gain in own]

    def _gain(self, pairs: Sequence[tuple[KnownCell, KnownCell]]) -> Gain:
        def differences(split: str) -> tuple[float, ...]:
            return tuple(
                own.score(self.select, split) - other.score(self.select, split)
                for own, other in pairs
            )

        first = pairs[0][0]
        return Gain(
            first.corpus,
            differences("test"),
            fmean(differences("dev")),
            first.dev_sentences,
            first.test_sentences,
        )


def write_known(cells: Sequence[KnownCell], path: Path) -> None:
    """Write cells as `Known.of_package` reads them."""
    names = [own.name for own in fields(KnownCell)]
    with open_atomically(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for cell in cells:
            values = [getattr(cell, name) for name in names]
            writer.writerow(f"{v:.4f}" if isinstance(v, float) else v for v in values)


def _cell(row: Mapping[str, str]) -> KnownCell:
    types: dict[str, Callable[[str], object]] = {"str": str, "int": int, "float": float}
    values = {own.name: types[str(own.type)](row[own.name]) for own in fields(KnownCell)}
    return KnownCell(**values)  # type: ignore[arg-type]


def _mean_or_least(variances: Sequence[float]) -> float:
    return max(LEAST, fmean(variances)) if variances else LEAST
