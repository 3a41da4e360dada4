"""From cells to configs: means, standard deviations, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from dovetail.evaluation.paired import SAMPLES, Comparison, DrawnScores, Trials, compare, holm
from dovetail.lab.cell_scoring import DEV, SPLITS
from dovetail.lab.statistics.cell_results import SCORES, CellResult, Row

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


Differences = dict[str, dict[str, Difference]]
"""By split and score."""


@dataclass(frozen=True)
class RowSummary:
    """A config: its cells, what they scored on each split, and what they cost.

    `chosen` are the cells with the best mean F1 of both tasks on dev, one of each fold: no choice
    was made by their test scores.  `differences` are those from the config that all are compared
    with, `from_control` those from the config's control, if it has one.
    """

    name: str
    cells: int
    of_cells: int
    scores: dict[str, dict[str, Spread]]
    chosen: tuple[CellResult, ...]
    costs: dict[str, float | None]
    differences: Differences
    control: str | None
    from_control: Differences


def summarise(
    results: Sequence[CellResult],
    *,
    first: str,
    planned: Mapping[str, int],
    controls: Mapping[str, str],
    samples: int = SAMPLES,
) -> list[RowSummary]:
    """A summary for each config that has a finished cell, in the order of the plan.

    Args:
        results: of all finished cells.
        first: name of the config that the others are compared with.
        planned: how many cells each config has in the plan.
        controls: the names of the controls, by those of their configs.
        samples: draws for the p-values.
    """
    by_row = {name: [r for r in results if r.cell.row == name] for name in planned}
    present = {name: own for name, own in by_row.items() if own}
    others = [(name, first) for name in present if name != first]
    differences = all_differences(present, others, samples=samples)
    from_controls = all_differences(present, [*controls.items()], samples=samples)
    return [
        RowSummary(
            name=name,
            cells=len(own),
            of_cells=planned[name],
            scores={
                split: {
                    score: spread_of(own, split, score)
                    for score in SCORES
                    if all(r.knows(split, score) for r in own if split in r.splits)
                }
                for split in SPLITS
                if any(split in result.splits for result in own)
            },
            chosen=chosen_cells(own),
            costs=costs_of_cells(own),
            differences=differences.get(name, {}),
            control=controls.get(name),
            from_control=from_controls.get(name, {}),
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
    by_row: Mapping[str, list[CellResult]], pairs: Sequence[tuple[str, str]], *, samples: int
) -> dict[str, Differences]:
    """Of each pair of configs how far the first is from the second, by the name of the first.

    Corrected over the pairs, for each split and score apart.
    """
    found: dict[str, Differences] = {}
    present = [pair for pair in pairs if all(name in by_row for name in pair)]
    for split in SPLITS:
        for task in ("entity", "relation"):
            compared = _comparisons(by_row, present, split, task, samples)
            scores = [score for score in COMPARED if score.startswith(task)]
            for score in scores:
                rows = [name for name in compared if score in compared[name]]
                corrected = holm([compared[name][score].p_value for name in rows])
                for name, p_value in zip(rows, corrected, strict=True):
                    of_split = found.setdefault(name, {}).setdefault(split, {})
                    of_split[score] = Difference(compared[name][score], p_value)
    return found


def _comparisons(
    by_row: Mapping[str, list[CellResult]],
    pairs: Sequence[tuple[str, str]],
    split: str,
    task: str,
    samples: int,
) -> dict[str, dict[str, Comparison]]:
    """Of each pair, on the folds that both have, if the sentences are the same."""
    folds = {name: _by_fold(own, split) for name, own in by_row.items()}

    def draw(name: str, chosen: Sequence[str]) -> DrawnScores:
        trials: Trials = [[r.tally(split, task) for r in folds[name][fold]] for fold in chosen]
        return DrawnScores.of_trials(trials, samples=samples)

    compared: dict[str, dict[str, Comparison]] = {}
    drawn_of: tuple[str, ...] = ()
    for name, other in pairs:
        common = [fold for fold in folds[other] if fold in folds[name]]
        if not common or not _same_sentences(folds, other, name, common, split):
            continue
        if drawn_of != (other, *common):  # large, so that only the last one is kept
            drawn, drawn_of = draw(other, common), (other, *common)
        own = draw(name, common)
        compared[name] = {
            f"{task}_{average}": compare(own, drawn, average) for average in ("micro", "macro")
        }
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
                    for score in known
                }
                for split, known in summary.scores.items()
                if DEV in summary.scores
            },
        },
        "costs": summary.costs,
        "differences": _plain(summary.differences),
        "control": summary.control,
        "from_control": _plain(summary.from_control),
    }


def _plain(nested: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        split: {score: asdict(value) for score, value in values.items()}
        for split, values in nested.items()
    }


def comparison_rows(summaries: Sequence[RowSummary], *, first: str) -> list[Row]:
    """A row for each config, split and score that was compared, with the first or the control."""
    return [
        {
            "config": summary.name,
            "compared_with": other,
            "split": split,
            "score": score,
            **asdict(difference.comparison),
            "p_value_holm": difference.corrected,
        }
        for summary in summaries
        for other, differences in (
            (first, summary.differences),
            (summary.control, summary.from_control),
        )
        for split, values in differences.items()
        for score, difference in values.items()
    ]
