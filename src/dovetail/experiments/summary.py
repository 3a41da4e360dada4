"""From cells to configs: means, standard deviations, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from dovetail.evaluation.paired import SAMPLES, Comparison, DrawnScores, Trials, compare, holm
from dovetail.experiments.results import SCORES, CellResult, Row
from dovetail.experiments.scoring import DEV, SPLITS

COMPARED = ("entity_micro", "entity_macro", "relation_micro", "relation_macro")
"""The F1 by which configs are compared; all of them strict."""


@dataclass(frozen=True)
class Spread:
    """A mean with its sample standard deviation, which one value alone has not."""

    mean: float
    deviation: float | None


@dataclass(frozen=True)
class Difference:
    """How far a config is from the one that it is compared with; `corrected` is Holm's p-value."""

    comparison: Comparison
    corrected: float


@dataclass(frozen=True)
class RowSummary:
    """A config: its cells, what they scored on each split, and what they cost.

    `chosen` are the cells with the best mean F1 of both tasks on dev, one of each fold: no choice
    was made by their test scores.
    """

    name: str
    cells: int
    of_cells: int
    scores: dict[str, dict[str, Spread]]
    chosen: tuple[CellResult, ...]
    costs: dict[str, float | None]
    differences: dict[str, dict[str, Difference]]


def summarise(
    results: Sequence[CellResult], *, first: str, planned: dict[str, int], samples: int = SAMPLES
) -> list[RowSummary]:
    """A summary for each config that has a finished cell, in the order of the plan.

    Args:
        results: of all finished cells.
        first: name of the config that the others are compared with.
        planned: how many cells each config has in the plan.
        samples: draws for the p-values.
    """
    by_row = {name: [r for r in results if r.cell.row == name] for name in planned}
    present = {name: own for name, own in by_row.items() if own}
    differences = all_differences(present, first=first, samples=samples)
    return [
        RowSummary(
            name=name,
            cells=len(own),
            of_cells=planned[name],
            scores={
                split: {score: spread_of(own, split, score) for score in SCORES}
                for split in SPLITS
                if any(split in result.splits for result in own)
            },
            chosen=chosen_cells(own),
            costs=costs_of_cells(own),
            differences=differences.get(name, {}),
        )
        for name, own in present.items()
    ]


def chosen_cells(results: Sequence[CellResult]) -> tuple[CellResult, ...]:
    """The best cell of each fold by its dev scores."""
    folds = dict.fromkeys(result.cell.fold for result in results)
    return tuple(
        max((result for result in results if result.cell.fold == fold), key=_chosen_by)
        for fold in folds
    )


def _chosen_by(result: CellResult) -> float:
    scores = result.values["scores"]
    return float(scores[DEV]["mean_f1"]) if DEV in scores else 0.0


def spread_of(results: Sequence[CellResult], split: str, score: str) -> Spread:
    """Mean and deviation over seeds; with several folds, over the folds' means over seeds."""
    by_fold: dict[str, list[float]] = {}
    for result in results:
        if split in result.splits:
            by_fold.setdefault(result.cell.fold, []).append(result.f1(split, score))
    values = [fmean(own) for own in by_fold.values()]
    if len(values) == 1:
        (values,) = by_fold.values()
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def costs_of_cells(results: Sequence[CellResult]) -> dict[str, float | None]:
    """Means over the cells; nothing where no cell knows it."""
    rows: list[dict[str, Any]] = [
        {
            **result.values["training"],
            **result.values["costs"],
            "sentences_per_second": result.folder.read_speed(),
        }
        for result in results
    ]
    known = {name: [row[name] for row in rows if row[name] is not None] for name in rows[0]}
    return {name: fmean(values) if values else None for name, values in known.items()}


def all_differences(
    by_row: dict[str, list[CellResult]], *, first: str, samples: int
) -> dict[str, dict[str, dict[str, Difference]]]:
    """By config, split and score; corrected over the configs, for each split and score apart."""
    found: dict[str, dict[str, dict[str, Difference]]] = {}
    if first not in by_row:
        return found
    for split in SPLITS:
        for task in ("entity", "relation"):
            compared = _comparisons(by_row, first, split, task, samples)
            scores = [score for score in COMPARED if score.startswith(task)]
            for score in scores:
                rows = [name for name in compared if score in compared[name]]
                corrected = holm([compared[name][score].p_value for name in rows])
                for name, p_value in zip(rows, corrected, strict=True):
                    of_split = found.setdefault(name, {}).setdefault(split, {})
                    of_split[score] = Difference(compared[name][score], p_value)
    return found


def _comparisons(
    by_row: dict[str, list[CellResult]], first: str, split: str, task: str, samples: int
) -> dict[str, dict[str, Comparison]]:
    """Of each config with the first, on the folds that both have, if the sentences are the same."""
    folds = {name: _by_fold(own, split) for name, own in by_row.items()}
    drawn: dict[tuple[str, ...], DrawnScores] = {}
    compared: dict[str, dict[str, Comparison]] = {}
    for name in by_row:
        common = [fold for fold in folds[first] if fold in folds[name]]
        if name == first or not common or not _same_sentences(folds, first, name, common, split):
            continue
        for own in (first, name):
            if (own, *common) not in drawn:
                trials: Trials = [[r.tally(split, task) for r in folds[own][f]] for f in common]
                drawn[own, *common] = DrawnScores.of_trials(trials, samples=samples)
        compared[name] = {
            f"{task}_{average}": compare(drawn[name, *common], drawn[first, *common], average)
            for average in ("micro", "macro")
        }
        del drawn[name, *common]  # large, and read once
    return compared


def _by_fold(results: Sequence[CellResult], split: str) -> dict[str, list[CellResult]]:
    by_fold: dict[str, list[CellResult]] = {}
    for result in results:
        if split in result.splits:
            by_fold.setdefault(result.cell.fold, []).append(result)
    return by_fold


def _same_sentences(
    folds: dict[str, dict[str, list[CellResult]]],
    first: str,
    name: str,
    common: Sequence[str],
    split: str,
) -> bool:
    return all(
        len({r.counts[split]["sentences"] for own in (first, name) for r in folds[own][fold]}) == 1
        for fold in common
    )


def summary_values(summaries: Sequence[RowSummary], *, first: str) -> dict[str, Any]:
    """The summaries as JSON values."""
    return {"compared_with": first, "configs": [_values(summary) for summary in summaries]}


def _values(summary: RowSummary) -> dict[str, Any]:
    best = max(summary.chosen, key=_chosen_by).cell
    return {
        "name": summary.name,
        "cells": summary.cells,
        "of_cells": summary.of_cells,
        "scores": _plain(summary.scores),
        "chosen": {
            "fold": best.fold,
            "seed": best.seed,
            "scores": {  # means over the folds; without dev scores nothing was chosen
                split: {
                    score: fmean(result.f1(split, score) for result in summary.chosen)
                    for score in SCORES
                }
                for split in summary.scores
                if DEV in summary.scores
            },
        },
        "costs": summary.costs,
        "differences": _plain(summary.differences),
    }


def _plain(nested: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        split: {score: asdict(value) for score, value in values.items()}
        for split, values in nested.items()
    }


def comparison_rows(summaries: Sequence[RowSummary], *, first: str) -> list[Row]:
    """A row for each config, split and score that was compared."""
    return [
        {
            "config": summary.name,
            "compared_with": first,
            "split": split,
            "score": score,
            **asdict(difference.comparison),
            "p_value_holm": difference.corrected,
        }
        for summary in summaries
        for split, values in summary.differences.items()
        for score, difference in values.items()
    ]
