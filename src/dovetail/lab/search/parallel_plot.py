"""Parallel coordinates: an axis for each of some fields, a line for each trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from dovetail.config.in_words import inline_toml
from dovetail.lab.search.entries import Choices, Entry, same
from dovetail.lab.search.outcome import Outcome
from dovetail.lab.search.records import Record
from dovetail.showing.visible import shown_label

MOST_AXES = 8

MOST_TICKS = 6

OFF = -0.12
"""Where a trial crosses the axis of a field that it did not tune: below the axis."""


def parallel_figure(outcome: Outcome) -> Figure:
    """The complete trials, the better the brighter, the best one thick."""
    complete = [trial for trial in outcome.trials if trial.state == "complete"]
    trials = sorted(complete, key=lambda trial: trial.score or 0.0)  # the best on top
    fields = shown_fields(outcome)
    figure = Figure(figsize=(1.9 + 1.35 * (len(fields) + 1), 5), layout="constrained")
    axes = figure.subplots()
    scores = [100 * (trial.score or 0.0) for trial in trials]
    colours = Normalize(min(scores), max(max(scores), min(scores) + 0.1))
    colour_of = ScalarMappable(colours)
    for trial, score in zip(trials, scores, strict=True):
        heights = [_height(outcome.space.entries[field], trial, field) for field in fields]
        is_best = trial is trials[-1]
        axes.plot(
            range(len(fields) + 1), [*heights, float(colours(score))],
            color=colour_of.to_rgba(np.array(score)), lw=2.8 if is_best else 1.1,
            alpha=1.0 if is_best else 0.75,
        )  # fmt: skip
    for place, field in enumerate(fields):
        _draw_axis(axes, place, _ticks(outcome.space.entries[field]))
    _draw_axis(axes, len(fields), _score_ticks(colours))
    names = [field.replace(".", ".\n", 1) for field in fields]
    axes.set_xticks(range(len(fields) + 1), [*names, "dev F1\nin percent"], fontsize=8)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(_title(fields, outcome), loc="left", fontsize=10)
    return figure


def _title(fields: Sequence[str], outcome: Outcome) -> str:
    which = "that mattered most" if outcome.importance else "of the search space"
    rest = "" if len(fields) == len(outcome.space.entries) else f"the {len(fields)} "
    return f"The complete trials over {rest}fields {which}; the thick line is the best"


def shown_fields(outcome: Outcome) -> list[str]:
    """The fields that mattered most, in the order of the space."""
    order = list(outcome.space.entries)
    ranked = [*outcome.importance] or order
    return sorted(ranked[:MOST_AXES], key=order.index)


def _height(entry: Entry, trial: Record, field: str) -> float:
    return position(entry, trial.values[field]) if field in trial.values else OFF


def position(entry: Entry, value: Any) -> float:
    """Where a value stands on its axis, from 0 to 1."""
    if isinstance(entry, Choices):
        place = next(place for place, own in enumerate(entry.values) if same(own, value))
        return place / max(1, len(entry.values) - 1)
    low, high, own = entry.low, entry.high, float(value)
    if entry.log:
        low, high, own = math.log(low), math.log(high), math.log(own)
    return (own - low) / (high - low)


def _ticks(entry: Entry) -> list[tuple[float, str]]:
    """Heights with what is written there."""
    if isinstance(entry, Choices):
        return [(position(entry, value), _label(value)) for value in entry.values]
    if entry.whole and entry.high - entry.low < MOST_TICKS:
        values: Sequence[float] = range(int(entry.low), int(entry.high) + 1)
    elif entry.log:
        values = [float(f"{v:.2g}") for v in np.geomspace(entry.low, entry.high, 5)]
    else:
        values = [float(v) for v in np.linspace(entry.low, entry.high, 5)]
    return [(position(entry, value), f"{value:.3g}") for value in values]


def _score_ticks(colours: Normalize) -> list[tuple[float, str]]:
    low, high = colours.vmin or 0.0, colours.vmax or 0.0
    return [(share, f"{low + share * (high - low):.1f}") for share in np.linspace(0, 1, 5)]


def _label(value: Any) -> str:
    text = value if isinstance(value, str) else inline_toml(value)
    return shown_label(text if len(text) <= 14 else f"{text[:13]}…")


def _draw_axis(axes: Axes, place: int, ticks: Sequence[tuple[float, str]]) -> None:
    axes.plot([place, place], [0, 1], color="0.3", lw=1, zorder=3)
    for height, text in ticks:
        axes.plot([place - 0.03, place], [height, height], color="0.3", lw=1, zorder=3)
        axes.text(
            place - 0.05, height, text, ha="right", va="center", fontsize=8, zorder=4,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
