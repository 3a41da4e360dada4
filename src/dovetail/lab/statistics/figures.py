"""Figures of an experiment, for a page or a slide: light, labelled, without a display."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.files.writing import make_folder, replaced
from dovetail.lab.cell_scoring import DEV, TEST
from dovetail.lab.statistics.cell_results import Result
from dovetail.lab.statistics.corpora_figure import corpora_figure, empty_figure
from dovetail.lab.statistics.experiment_tables import relative_change
from dovetail.lab.statistics.text_table import amount
from dovetail.lab.statistics.views import View
from dovetail.showing.visible import shown_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENTITY_COLOUR, RELATION_COLOUR, CHANGE_COLOUR = "#1f6f8b", "#c8553d", "#5b4b8a"
PALE = "#c9ced6"

MOST_LABELS = 16
"""Where there are more points, numbers take the place of their names."""

LONGEST_LABEL = 24
"""Characters of a name beside a dot; a longer one would stand across other dots."""

_COLOURS = {"entity_micro": ENTITY_COLOUR, "relation_micro": RELATION_COLOUR}
_TITLES = {"entity_micro": "entities, micro F1", "relation_micro": "relations, micro F1"}
_LAYERS = ("shared_layers", "entity_layers", "relation_layers")

Summary = Mapping[str, Any]


def write_figures(
    folder: Path, results: Sequence[Result], summary: Summary, view: View
) -> list[Path]:
    """Draw what there is to draw; the paths of the files.

    Of several corpora scores are their mean, and a map has each of them.
    """
    split = TEST if any(result.has(TEST, view.corpora(TEST)) for result in results) else DEV
    shown = [own for own in summary["configs"] if split in own["scores"]]
    first = summary["compared_with"]
    drawn = {}
    if shown:
        with_split = [own for own in results if own.has(split, view.corpora(split))]
        values = {
            score: {
                own["name"]: [
                    100 * result.f1(split, score, view.corpora(split))
                    for result in with_split
                    if result.row == own["name"]
                ]
                for own in shown
            }
            for score in _COLOURS
        }
        drawn["scores"] = score_figure(shown, values, split, first)
        drawn["costs"] = cost_figure(shown, split, first)
        points = layer_points(shown)
        if len(points) > 1:
            drawn["layers"] = layer_figure(points, split)
    if summary.get("corpora"):
        drawn["corpora"] = corpora_figure(summary, split, _TITLES)
    if not drawn:
        return []
    make_folder(folder)
    for name, figure in drawn.items():
        with replaced(folder / f"{name}.png") as unfinished:
            figure.savefig(unfinished, dpi=160, format="png")
    return [folder / f"{name}.png" for name in drawn]


def _two_plots(figure: Figure) -> list[Axes]:
    """A plot for each task, side by side."""
    plots = list(figure.subplots(1, 2))
    for plot in plots:
        plot.spines[["top", "right"]].set_visible(False)
    return plots


def score_figure(
    configs: Sequence[Summary],
    values_by_score: Mapping[str, Mapping[str, Sequence[float]]],
    split: str,
    first: str,
) -> Figure:
    """Mean and standard deviation of each config, its cells as dots; a line at the first mean.

    Where a config was not trained for a task, its row is empty: a zero would squeeze the others.
    """
    figure = empty_figure(10, 1.2 + 0.34 * len(configs))
    plots = _two_plots(figure)
    names = [own["name"] for own in configs]
    for plot, (score, colour) in zip(plots, _COLOURS.items(), strict=True):
        for row, own in enumerate(configs):
            values = values_by_score[score][own["name"]]
            if not any(values):
                continue
            plot.plot(values, [row] * len(values), "o", color=PALE, markersize=5, zorder=1)
            spread = own["scores"][split][score]
            plot.errorbar(
                100 * spread["mean"],
                row,
                xerr=100 * (spread["deviation"] or 0),
                fmt="o",
                color=colour,
                capsize=3,
                zorder=2,
            )
            if own["name"] == first:
                plot.axvline(100 * spread["mean"], color=PALE, linewidth=1, zorder=0)
        plot.set_yticks(range(len(names)), map(shown_label, names))
        plot.set_ylim(len(names) - 0.5, -0.5)
        plot.set_title(_TITLES[score], loc="left")
        plot.set_xlabel(f"strict F1 on {split}, in percent")
    plots[1].set_yticklabels([])
    return figure


@dataclass(frozen=True)
class _Measure:
    """The values of a plot for each config; none of one that was not trained for it."""

    title: str
    label: str
    colour: str
    of: Callable[[Summary], float | None]


def _measures(configs: Sequence[Summary], split: str, first: str) -> list[_Measure]:
    """F1 of each task, and where there is something to compare with the change of both."""

    def f1(score: str) -> Callable[[Summary], float | None]:
        return lambda own: 100 * own["scores"][split].get(score, {}).get("mean", 0) or None

    measures = [
        _Measure(title, f"strict F1 on {split}, in percent", _COLOURS[score], f1(score))
        for score, title in _TITLES.items()
    ]
    compared = [own for own in configs if own["name"] == first]
    if len(configs) == 1 or not compared:
        return measures

    def change(own: Summary) -> float | None:
        changed = relative_change(own, compared[0], split)
        learned = all(measure.of(own) for measure in measures[:2])
        return 100 * changed if changed is not None and learned else None

    label = f"Δm against {shown_label(first)}, in percent"
    return [*measures, _Measure("mean relative change of both", label, CHANGE_COLOUR, change)]


def cost_figure(configs: Sequence[Summary], split: str, first: str) -> Figure:
    """F1 and its mean relative change, against stored parameters and against multiply-adds.

    Names stand beside the dots, or where these are many in a list that numbers them.
    """
    from matplotlib.lines import Line2D

    measures = _measures(configs, split, first)
    numbered = len(configs) > MOST_LABELS
    names = [str(number) if numbered else own["name"] for number, own in enumerate(configs, 1)]
    figure = empty_figure(5 * len(measures) + 2.5 * numbered, 8)
    plots = figure.subplots(2, len(measures), squeeze=False)
    costs = {"stored_parameters": "stored parameters", "multiply_adds": "multiply-adds a sentence"}
    for row, (cost, unit) in zip(plots, costs.items(), strict=True):
        for plot, measure in zip(row, measures, strict=True):
            for name, own in zip(names, configs, strict=True):
                value, size = measure.of(own), own["costs"].get(cost)
                if value is not None and size:
                    _dot(plot, size / 1e6, value, name, measure.colour)
            plot.set_title(measure.title, loc="left")
            plot.set_xlabel(f"{unit}, in millions")
            plot.set_ylabel(measure.label)
            plot.spines[["top", "right"]].set_visible(False)
            plot.margins(x=0.18, y=0.12)
    if numbered:
        listed = [f"{number}  {shown_label(own['name'])}" for number, own in enumerate(configs, 1)]
        nothing = [Line2D([], [], linestyle="") for _ in listed]
        figure.legend(nothing, listed, loc="outside right center", frameon=False, handlelength=0)
    return figure


def _dot(plot: Axes, x: float, y: float, name: str, colour: str) -> None:
    """A dot and its name, unless that would stand across other dots."""
    plot.plot(x, y, "o", color=colour)
    if len(name) <= LONGEST_LABEL:
        plot.annotate(
            shown_label(name), (x, y), textcoords="offset points", xytext=(5, 3), fontsize=8
        )


def layer_points(configs: Sequence[Summary]) -> dict[tuple[int, int, int], Summary]:
    """The points of a grid over the layers alone, by their shared, entity and relation layers."""
    points = {}
    for own in configs:
        words = dict(word.split("=") for word in own["name"].split() if word.count("=") == 1)
        if words.keys() == {*_LAYERS} and all(value.isdecimal() for value in words.values()):
            shared, entity, relation = (int(words[name]) for name in _LAYERS)
            points[shared, entity, relation] = own
    return points


def layer_figure(points: Mapping[tuple[int, int, int], Summary], split: str) -> Figure:
    """A map for each task and number of shared layers: entity layers by relation layers."""
    shared, entity, relation = (sorted({point[axis] for point in points}) for axis in range(3))
    figure = empty_figure(1.6 + 2.8 * len(shared), 3 + 1.1 * len(entity))
    grid = figure.subplots(2, len(shared), squeeze=False)
    for plots, score, colours in zip(grid, _COLOURS, ("GnBu", "OrRd"), strict=True):
        values = [100 * own["scores"][split][score]["mean"] for own in points.values()]
        for plot, number in zip(plots, shared, strict=True):
            table = [
                [_value(points.get((number, e, r)), split, score) for r in relation] for e in entity
            ]
            image = plot.imshow(
                table, cmap=colours, vmin=min(values), vmax=max(values), aspect="auto"
            )
            for row, e in enumerate(entity):
                for column, r in enumerate(relation):
                    if own := points.get((number, e, r)):
                        _annotate(plot, column, row, table[row][column], own, image)
            plot.set_xticks(range(len(relation)), map(str, relation))
            plot.set_yticks(range(len(entity)), map(str, entity))
            plot.set_title(f"{number} shared layers", fontsize=10)
            plot.set_xlabel("relation layers", fontsize=9)
        plots[0].set_ylabel(f"{_TITLES[score]}\nentity layers", fontsize=9)
    figure.suptitle(
        f"Strict F1 on {split}, in percent; below it the stored parameters", fontsize=11
    )
    return figure


def _value(own: Summary | None, split: str, score: str) -> float:
    return float("nan") if own is None else 100 * own["scores"][split][score]["mean"]


def _annotate(plot: Any, column: int, row: int, value: float, own: Summary, image: Any) -> None:
    dark = float(image.norm(value)) > 0.62
    colour = "white" if dark else "#222222"
    plot.text(column, row - 0.1, f"{value:.1f}", ha="center", va="center", color=colour)
    size = amount(own["costs"]["stored_parameters"])
    plot.text(column, row + 0.27, size, ha="center", va="center", color=colour, fontsize=7)
