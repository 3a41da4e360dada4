"""From cells to configs: means, standard deviations, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from dovetail.lab.cell_scoring import DEV, SPLITS
from dovetail.lab.statistics.cell_results import SCORES, Result
from dovetail.lab.statistics.differences import Compared, Differences, all_differences
from dovetail.lab.statistics.row_files import Row
from dovetail.lab.statistics.views import MEAN, Corpora, View
from dovetail.text.document import TASKS


@dataclass(frozen=True)
class Spread:
    """A mean with its sample standard deviation, which one value alone has not."""

    mean: float
    deviation: float | None


@dataclass(frozen=True)
class RowSummary:
    """A config: its cells, what they scored on each split of some corpora, and what they cost.

    `chosen` are the cells with the best mean F1 of both tasks on dev, one of each fold: no choice
    was made by their test scores.  `differences` are those from the config that all are compared
    with, `from_control` those from the config's control, if it has one.
    """

    name: str
    view: View
    cells: int
    of_cells: int
    scores: dict[str, dict[str, Spread]]
    chosen: tuple[Result, ...]
    costs: dict[str, float | None]
    differences: Differences
    control: str | None
    from_control: Differences
    calibration: dict[str, dict[str, float]]


def summarise(results: Sequence[Result], compared: Compared, view: View) -> list[RowSummary]:
    """A summary for each config that has a finished cell, in the order of the plan."""
    by_row = {name: [r for r in results if r.row == name] for name in compared.planned}
    present = {name: own for name, own in by_row.items() if own}
    samples = compared.samples
    differences = all_differences(present, compared.with_first(present), view, samples=samples)
    from_controls = all_differences(present, [*compared.controls.items()], view, samples=samples)
    return [
        RowSummary(
            name=name,
            view=view,
            cells=len(own),
            of_cells=compared.planned[name],
            scores=scores_of(own, view),
            chosen=chosen_cells(own),
            costs=costs_of_cells(own),
            differences=differences.get(name, {}),
            control=compared.controls.get(name),
            from_control=from_controls.get(name, {}),
            calibration=calibration_of(own, view),
        )
        for name, own in present.items()
    ]


def scores_of(results: Sequence[Result], view: View) -> dict[str, dict[str, Spread]]:
    """The scores of a config, by split; of one of several corpora only those that it has."""
    found: dict[str, dict[str, Spread]] = {}
    for split in SPLITS:
        corpora = view.corpora(split)
        own = [result for result in results if result.has(split, corpora)]
        if own:
            found[split] = {
                score: spread_of(own, split, score, corpora)
                for score, (task, *_) in SCORES.items()
                if all(r.knows(split, score, corpora) for r in own)
                and (not any(corpora) or any(r.annotated(split, task, corpora) for r in own))
            }
    return found


def calibration_of(results: Sequence[Result], view: View) -> dict[str, dict[str, float]]:
    """The mean calibration error by split and task, over the cells that predicted something."""
    found: dict[str, dict[str, float]] = {}
    for split in SPLITS:
        for task in TASKS:
            errors = [own.calibration_error(split, task, view.corpora(split)) for own in results]
            known = [error for error in errors if error is not None]
            if known:
                found.setdefault(split, {})[task] = fmean(known)
    return found


def chosen_cells(results: Sequence[Result]) -> tuple[Result, ...]:
    """The best cell of each fold by its dev scores."""
    folds = dict.fromkeys(result.fold for result in results)
    return tuple(
        max(
            (result for result in results if result.fold == fold),
            key=lambda result: result.mean_dev_f1,
        )
        for fold in folds
    )


def spread_of(results: Sequence[Result], split: str, score: str, corpora: Corpora) -> Spread:
    """Mean and deviation over seeds; with several folds, over the folds' means over seeds."""
    by_fold: dict[str, list[float]] = {}
    for result in results:
        by_fold.setdefault(result.fold, []).append(result.f1(split, score, corpora))
    values = [fmean(own) for own in by_fold.values()]
    if len(values) == 1:
        (values,) = by_fold.values()
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None)


def costs_of_cells(results: Sequence[Result]) -> dict[str, float | None]:
    """Means over the cells; nothing where no cell knows it."""
    rows = [result.spent for result in results]
    known = {name: [v for row in rows if (v := row[name]) is not None] for name in rows[0]}
    return {name: fmean(values) if values else None for name, values in known.items()}


def summary_values(by_view: Sequence[Sequence[RowSummary]], *, first: str) -> dict[str, Any]:
    """The summaries of the same configs as JSON values: of all corpora, and of each of several."""
    whole, *parts = by_view
    configs = [_values(summary) for summary in whole]
    named = {own[0].view.name: own for own in parts if own}
    for number, values in enumerate(configs):
        if named:
            of_each = {name: _of_corpora(own[number]) for name, own in named.items()}
            values["by_corpus"] = {name: own for name, own in of_each.items() if own["scores"]}
    corpora = {"corpora": [*named]} if named else {}
    return {"compared_with": first, **corpora, "configs": configs}


def _values(summary: RowSummary) -> dict[str, Any]:
    best = max(summary.chosen, key=lambda result: result.mean_dev_f1)
    of_corpora = _of_corpora(summary)
    return {
        "name": summary.name,
        "cells": summary.cells,
        "of_cells": summary.of_cells,
        "scores": of_corpora["scores"],
        "chosen": {"fold": best.fold, "seed": best.seed, **of_corpora["chosen"]},
        "costs": summary.costs,
        "differences": of_corpora["differences"],
        "control": summary.control,
        "from_control": of_corpora["from_control"],
        "calibration": of_corpora["calibration"],
    }


def _of_corpora(summary: RowSummary) -> dict[str, Any]:
    """The values that are of the corpora of a view."""
    return {
        "scores": _plain(summary.scores),
        "chosen": {
            "scores": {  # means over the folds; without dev scores nothing was chosen
                split: {
                    score: fmean(
                        result.f1(split, score, summary.view.corpora(split))
                        for result in summary.chosen
                    )
                    for score in scores
                }
                for split, scores in summary.scores.items()
                if DEV in summary.scores
                and all(r.has(split, summary.view.corpora(split)) for r in summary.chosen)
            },
        },
        "differences": _plain(summary.differences),
        "from_control": _plain(summary.from_control),
        "calibration": summary.calibration,
    }


def _plain(nested: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        split: {score: asdict(value) for score, value in values.items()}
        for split, values in nested.items()
    }


def comparison_rows(by_view: Sequence[Sequence[RowSummary]], *, first: str) -> list[Row]:
    """A row for each config, split and score that was compared, with the first or the control.

    Where there are several corpora, it names them.
    """
    several = len(by_view) > 1
    return [
        {
            "config": summary.name,
            "compared_with": other,
            **({"corpus": summary.view.name or MEAN} if several else {}),
            "split": split,
            "score": score,
            **asdict(difference.comparison),
            "p_value_holm": difference.corrected,
        }
        for summaries in by_view
        for summary in summaries
        for other, differences in (
            (first, summary.differences),
            (summary.control, summary.from_control),
        )
        for split, values in differences.items()
        for score, difference in values.items()
    ]
