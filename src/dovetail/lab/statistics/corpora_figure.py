"""A map of the scores of several corpora: who gains in company, and who loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from dovetail.lab.statistics.text_table import signed, viewed
from dovetail.lab.statistics.views import MEAN
from dovetail.showing.visible import shown_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_RANGE = 2.0
"""Points of F1 that are told apart by colour at least, so that noise stays pale."""

Summary = Mapping[str, Any]


def empty_figure(width: float, height: float) -> Figure:
    """A figure that is drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def corpora_figure(summary: Summary, split: str, titles: Mapping[str, str]) -> Figure:
    """F1 of each config on each corpus and in the mean, coloured by the difference from the first.

    Args:
        summary: of an experiment with several corpora.
        split: that scores are of.
        titles: of the scores, a map for each.
    """
    first = summary["compared_with"]
    columns = {name.removeprefix(", "): own for name, own in viewed(summary).items()}
    columns = {name: own for name, own in columns.items() if _have(own, split)}
    configs = [own["name"] for own in summary["configs"]]
    figure = empty_figure(3.2 + 2.2 * len(columns), 1.6 + 0.42 * len(configs))
    for plot, (score, title) in zip(
        figure.subplots(1, len(titles), squeeze=False)[0], titles.items(), strict=True
    ):
        means = {
            name: {
                own["name"]: 100 * own["scores"][split][score]["mean"]
                for own in _have(values, split)
                if score in own["scores"][split]
            }
            for name, values in columns.items()
        }
        _draw(plot, means, configs, first)
        plot.set_title(title, loc="left", fontsize=10)
    for plot in figure.axes[1:]:
        plot.set_yticklabels([])
    figure.suptitle(
        f"Strict F1 on {split}, in percent, and the difference from {shown_label(first)}",
        fontsize=11,
    )
    return figure


def _have(summary: Summary, split: str) -> list[Summary]:
    return [own for own in summary["configs"] if split in own["scores"]]


def _draw(
    plot: Any, means: Mapping[str, Mapping[str, float]], configs: Sequence[str], first: str
) -> None:
    """A cell for each config and corpus that have a score."""
    differences = [
        [own[name] - own[first] if {name, first} <= own.keys() else nan for own in means.values()]
        for name in configs
    ]
    known = [abs(own) for row in differences for own in row if not isnan(own)]
    most = max([LEAST_RANGE, *known])
    plot.imshow(differences, cmap="RdYlBu", vmin=-most, vmax=most, aspect="auto")
    for row, name in enumerate(configs):
        for column, own in enumerate(means.values()):
            if name in own:
                change = differences[row][column]
                told = "" if name == first or isnan(change) else f"  {signed(change)}"
                dark = not isnan(change) and abs(change) > 0.75 * most
                colour = "white" if dark else "#222222"
                text = f"{own[name]:.1f}{told}"
                plot.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    labels = ["mean" if name == MEAN else name for name in means]
    plot.set_xticks(range(len(means)), labels, fontsize=8)
    plot.set_yticks(range(len(configs)), map(shown_label, configs), fontsize=8)
    plot.spines[:].set_visible(False)
    plot.tick_params(length=0)
