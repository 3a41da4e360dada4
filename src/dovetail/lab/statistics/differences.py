"""How far configs are from those that they are compared with, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail.evaluation.paired import SAMPLES, Comparison, DrawnScores, Trials, compare, holm
from dovetail.lab.cell_scoring import SPLITS
from dovetail.lab.statistics.cell_results import Result
from dovetail.lab.statistics.views import Corpora, View

COMPARED = ("entity_micro", "entity_macro", "relation_micro", "relation_macro")
"""The F1 by which configs are compared; all of them strict."""


@dataclass(frozen=True)
class Difference:
    """How far a config is from the one that it is compared with; `corrected` is Holm's p-value."""

    comparison: Comparison
    corrected: float


Differences = dict[str, dict[str, Difference]]
"""By split and score."""


@dataclass(frozen=True)
class Compared:
    """Which configs of a plan are compared, and how.

    Args:
        first: name of the config that the others are compared with.
        planned: how many cells each config has in the plan.
        controls: the names of the controls, by those of their configs.
        sets: the names of the members, by those of their sets; no member is compared with its set.
        samples: draws for the p-values.
    """

    first: str
    planned: Mapping[str, int]
    controls: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    samples: int = SAMPLES

    def with_first(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """The pairs of a config and the first."""
        same = {self.first, *self.sets.get(self.first, ())}
        return [
            (name, self.first)
            for name in names
            if name not in same and self.first not in self.sets.get(name, ())
        ]


def all_differences(
    by_row: Mapping[str, list[Result]],
    pairs: Sequence[tuple[str, str]],
    view: View,
    *,
    samples: int,
) -> dict[str, Differences]:
    """Of each pair of configs how far the first is from the second, by the name of the first.

    Corrected over the pairs, for each split and score apart.
    """
    found: dict[str, Differences] = {}
    present = [pair for pair in pairs if all(name in by_row for name in pair)]
    for split in SPLITS:
        for task in ("entity", "relation"):
            scored = Scored(split, task, view.corpora(split), samples)
            compared = _comparisons(by_row, present, scored)
            scores = [score for score in COMPARED if score.startswith(task)]
            for score in scores:
                rows = [name for name in compared if score in compared[name]]
                corrected = holm([compared[name][score].p_value for name in rows])
                for name, p_value in zip(rows, corrected, strict=True):
                    of_split = found.setdefault(name, {}).setdefault(split, {})
                    of_split[score] = Difference(compared[name][score], p_value)
    return found


@dataclass(frozen=True)
class Scored:
    """A task on a split of some corpora, and how often its sentences are drawn anew."""

    split: str
    task: str
    corpora: Corpora
    samples: int

    def common(self, ours: Result, theirs: Result) -> Corpora:
        """The corpora that have the task for both; without names nobody looks whether they do."""
        if not any(self.corpora):
            return self.corpora
        both = (own.annotated(self.split, self.task, self.corpora) for own in (ours, theirs))
        return tuple(sorted(set.intersection(*map(set, both)), key=self.corpora.index))

    def draw(self, folds: Sequence[Sequence[Result]], corpora: Corpora) -> DrawnScores:
        """The scores of the results of each fold, on the draws that all configs have."""
        drawn = []
        for number, corpus in enumerate(corpora):
            trials: Trials = [
                [r.tally(self.split, self.task, corpus) for r in own] for own in folds
            ]
            drawn.append(DrawnScores.of_trials(trials, samples=self.samples, seed=number))
        return drawn[0] if len(drawn) == 1 else DrawnScores.mean(drawn)

    def are_of_the_same(self, results: Sequence[Result], corpora: Corpora) -> bool:
        """Whether results are of the same sentences, with the same annotations for the task."""
        for corpus in corpora:
            counts = [own.counts[corpus][self.split] for own in results]
            whole = {own["sentences"] for own in counts}
            by_task = {own.get("sentences_by_task", {}).get(self.task) for own in counts}
            if len(whole) > 1 and (len(by_task) > 1 or None in by_task):
                return False
        return True


def _comparisons(
    by_row: Mapping[str, list[Result]], pairs: Sequence[tuple[str, str]], scored: Scored
) -> dict[str, dict[str, Comparison]]:
    """Of each pair, on the folds that both have, if the sentences are the same."""
    folds = {name: _by_fold(own, scored) for name, own in by_row.items()}
    compared: dict[str, dict[str, Comparison]] = {}
    drawn_of: tuple[Any, ...] = ()
    for name, other in pairs:
        common = [fold for fold in folds[other] if fold in folds[name]]
        if not common:
            continue
        ours, theirs = ([folds[own][fold] for fold in common] for own in (name, other))
        corpora = scored.common(ours[0][0], theirs[0][0])
        whole = zip(ours, theirs, strict=True)
        if not corpora or not all(scored.are_of_the_same([*o, *t], corpora) for o, t in whole):
            continue
        if drawn_of != (other, common, corpora):  # large, so that only the last one is kept
            drawn, drawn_of = scored.draw(theirs, corpora), (other, common, corpora)
        own = scored.draw(ours, corpora)
        compared[name] = {
            f"{scored.task}_{average}": compare(own, drawn, average)
            for average in ("micro", "macro")
        }
    return compared


def _by_fold(results: Sequence[Result], scored: Scored) -> dict[str, list[Result]]:
    by_fold: dict[str, list[Result]] = {}
    for result in results:
        if result.has(scored.split, scored.corpora):
            by_fold.setdefault(result.fold, []).append(result)
    return by_fold
