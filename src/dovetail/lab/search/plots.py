"""Plots of a search: scores over trials, the map of layers, the importance of fields.

Colours are those of viridis, which stays readable without colour vision and in print.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dovetail.files.writing import replaced
from dovetail.lab.search.outcome import Outcome
from dovetail.lab.search.parallel_plot import parallel_figure
from dovetail.lab.search.records import Record

SCORES, LAYERS, MATTERED, PARALLEL = "scores.png", "layers.png", "importance.png", "parallel.png"

LAYER_FIELDS = ("sharing.shared_layers", "sharing.entity_layers", "sharing.relation_layers")

SHOWN_FIELDS = 12
"""Fields in the picture of what mattered."""


def write_plots(folder: Path, outcome: Outcome) -> None:
    """Draw what there is to draw.

    Raises:
        OutputError: if a file cannot be written.
    """
    complete = [trial for trial in outcome.trials if trial.state == "complete"]
    figures: dict[str, Figure] = {}
    if outcome.num_done:
        figures[SCORES] = scores_figure(outcome)
    if complete and all(field in outcome.space.entries for field in LAYER_FIELDS):
        figures[LAYERS] = layers_figure(complete)
    if outcome.importance:
        figures[MATTERED] = importance_figure(outcome.importance)
    if len(complete) > 1:
        figures[PARALLEL] = parallel_figure(outcome)
    for name, figure in figures.items():
        with replaced(folder / name) as unfinished:
            figure.savefig(unfinished, dpi=150, format="png")


def scores_figure(outcome: Outcome) -> Figure:
    """The score of each trial, and the best so far."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    done = [trial for trial in outcome.trials if trial.is_done]
    for state, colour, label in (
        ("pruned", "none", "pruned (best until then)"),
        ("complete", "C0", "complete"),
    ):
        found = [t for t in done if t.state == state and t.score is not None]
        if found:
            axes.scatter(
                [t.number for t in found], _percent(found), s=28, zorder=3, label=label,
                facecolors=colour, edgecolors="0.55" if colour == "none" else colour,
            )  # fmt: skip
    lost = [trial.number for trial in done if trial.state in ("failed", "refused")]
    if lost:
        # At the lower edge, whatever the scores are.
        axes.plot(
            lost, [0.02] * len(lost), "x", color="C3", label="failed or refused",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    complete = [trial for trial in done if trial.state == "complete"]
    if complete:
        numbers, best = [t.number for t in complete], np.maximum.accumulate(_percent(complete))
        last = max(trial.number for trial in done)
        axes.step(
            [*numbers, last], [*best, best[-1]], where="post", color="C1", label="best so far"
        )
    if outcome.start is not None and outcome.start.score is not None:
        axes.axhline(100 * outcome.start.score, color="0.3", lw=1, ls="--", label="the start")
    axes.set_xlabel("trial")
    axes.set_ylabel("dev F1 in percent")
    axes.set_title("Scores of the trials", loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _quiet(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def layers_figure(complete: Sequence[Record]) -> Figure:
    """For each number of shared layers a map: entity-specific by relation-specific layers."""
    cells = scores_by_layers(complete)
    shared, entity, relation = (
        range(min(axis), max(axis) + 1) for axis in zip(*cells, strict=True)
    )
    figure = Figure(
        figsize=(1.5 + len(shared) * (0.3 + 0.68 * len(relation)), 1.3 + 0.55 * len(entity)),
        layout="constrained",
    )
    panels = figure.subplots(1, len(shared), squeeze=False, sharey=True)[0]
    best = {cell: max(scores) for cell, scores in cells.items()}
    colours = Normalize(min(best.values()), max(max(best.values()), min(best.values()) + 0.1))
    for count, axes in zip(shared, panels, strict=True):
        grid = np.full((len(entity), len(relation)), np.nan)
        for (own, rows, columns), score in best.items():
            if own == count:
                grid[rows - entity[0], columns - relation[0]] = score
                _write_cell(axes, (columns, rows), cells[own, rows, columns], colours)
        axes.imshow(
            grid,
            norm=colours,
            origin="lower",
            extent=(relation[0] - 0.5, relation[-1] + 0.5, entity[0] - 0.5, entity[-1] + 0.5),
            aspect="auto",
        )
        axes.set_facecolor("0.93")
        axes.set_xticks(relation)
        axes.set_yticks(entity)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(f"{count} shared layer{'' if count == 1 else 's'}", fontsize=10)
    figure.supxlabel("relation-specific layers", fontsize=10)
    figure.supylabel("entity-specific layers", fontsize=10)
    figure.suptitle(
        "Best dev F1 of the complete trials in percent; below it their mean and number, if several",
        fontsize=10, x=0.01, ha="left",
    )  # fmt: skip
    figure.colorbar(ScalarMappable(colours), ax=list(panels), pad=0.02).outline.set_visible(False)
    return figure


def scores_by_layers(complete: Sequence[Record]) -> Mapping[tuple[int, int, int], list[float]]:
    """The scores in percent of the trials with so many shared, entity and relation layers."""
    cells: dict[tuple[int, int, int], list[float]] = defaultdict(list)
    for trial in complete:
        shared, entity, relation = (trial.values[field] for field in LAYER_FIELDS)
        cells[shared, entity, relation].append(100 * (trial.score or 0.0))
    return cells


def _write_cell(
    axes: Axes, place: tuple[int, int], scores: Sequence[float], colours: Normalize
) -> None:
    is_light = colours(max(scores)) > 0.6
    text = f"{max(scores):.1f}"
    if len(scores) > 1:
        text += f"\n{sum(scores) / len(scores):.1f} ({len(scores)})"
    axes.text(
        *place, text, ha="center", va="center", fontsize=8, color="black" if is_light else "white"
    )


def importance_figure(importance: Mapping[str, float]) -> Figure:
    """A bar for each of the fields that mattered most."""
    shown = list(importance.items())[:SHOWN_FIELDS][::-1]
    figure = Figure(figsize=(7, 1.1 + 0.3 * len(shown)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([field for field, _ in shown], [100 * share for _, share in shown])
    axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    axes.set_xlabel("share in percent")
    axes.set_title("What set the best quarter of the trials apart", loc="left")
    _quiet(axes)
    axes.tick_params(axis="y", length=0)
    return figure


def _percent(trials: Sequence[Record]) -> list[float]:
    return [100 * (trial.score or 0.0) for trial in trials]


def _quiet(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="0.92")
    axes.set_axisbelow(True)
