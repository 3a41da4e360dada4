"""Line charts and reliability diagrams as plain geometry; a template turns them into SVG.

Positions are in units of the drawing, which has its origin at the upper left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dovetail.evaluation import Calibration
from dovetail.report.curves import Curves

WIDTH, HEIGHT = 420, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 40
STYLES = 6
"""Distinct styles of lines: colour and dashes together."""

Position = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place of an axis."""

    position: float
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A place with what is told when one points at it."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """Points that are connected; `style` counts from 0."""

    name: str
    style: int
    points: Sequence[Point]

    @property
    def path(self) -> str:
        """The value of ``points`` of an SVG polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True, slots=True)
class Marker:
    """A vertical line at a place of special interest, with a label beside it."""

    x: float
    label: str
    label_is_left: bool
    label_y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart; `description` says in words what it shows."""

    title: str
    description: str
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    lines: Sequence[Line]
    marker: Marker | None = None


@dataclass(frozen=True, slots=True)
class Bubble:
    """A bin of a reliability diagram: its place, its interval, and a size by its count."""

    x: float
    y: float
    low: float
    high: float
    radius: float
    title: str


@dataclass(frozen=True, slots=True)
class ReliabilityChart:
    """How often what is predicted with a confidence is right, over the confidence."""

    title: str
    description: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    diagonal: tuple[float, float, float, float]
    bubbles: Sequence[Bubble]
    calibration: Calibration


def linear(low: float, high: float, start: float, end: float) -> Position:
    """A scale; where it has no extent, everything is in its middle."""
    if high <= low:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / (high - low) * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Position:
    """A scale for numbers above 0."""
    scale = linear(math.log10(low), math.log10(high), start, end)
    return lambda value: scale(math.log10(value))


def round_steps(low: float, high: float, most: int) -> list[float]:
    """At most `most` round numbers from `low` to `high`, evenly spaced by 1, 2 or 5 times a power.

    >>> round_steps(0, 28, 6)
    [0, 5, 10, 15, 20, 25]
    """
    if high <= low:
        return [low]
    power = 10 ** math.floor(math.log10((high - low) / most))
    step = next(
        power * factor
        for factor in (1, 2, 5, 10, 20, 50)
        if math.floor(high / (power * factor)) - math.ceil(low / (power * factor)) < most
    )
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def powers(low: float, high: float) -> list[float]:
    """Powers of ten from `low` to `high`, with 2 and 5 times these where there are few.

    >>> powers(0.02, 3)
    [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(exponents) <= 4 else (1,)
    numbers = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
    return [number for number in numbers if low <= number <= high]


def number_label(number: float) -> str:
    """A number as short as it is exact: 0.05, 1, 200."""
    return f"{number:g}"


def score_chart(
    series: Mapping[str, Mapping[int, float]],
    best_epoch: int | None = None,
    *,
    title: str = "F1 on the dev set",
) -> Chart:
    """Strict F1 of each series over the epochs, in percent."""
    return _chart(
        series,
        best_epoch,
        _Frame(
            title=title,
            y_label="strict micro-F1, %",
            y=linear(0, 1, HEIGHT - BOTTOM, TOP),
            y_ticks=[0, 0.2, 0.4, 0.6, 0.8, 1],
            label=lambda value: f"{100 * value:g}",
            told=lambda value: f"{100 * value:.1f}",
        ),
    )


def loss_chart(series: Mapping[str, Mapping[int, float]], best_epoch: int | None) -> Chart:
    """Losses over the epochs, on a logarithmic scale if all are above 0."""
    values = [value for line in series.values() for value in line.values()]
    low, high = min(values), max(values)
    if low > 0:
        y, ticks = logarithmic(low, high, HEIGHT - BOTTOM - 4, TOP + 4), powers(low, high)
    else:
        y, ticks = linear(low, high, HEIGHT - BOTTOM, TOP), round_steps(low, high, 6)
    frame = _Frame("Loss in training", "loss", y, ticks, number_label, lambda value: f"{value:.3g}")
    return _chart(series, best_epoch, frame)


@dataclass(frozen=True, slots=True)
class _Frame:
    title: str
    y_label: str
    y: Position
    y_ticks: Sequence[float]
    label: Callable[[float], str]
    told: Callable[[float], str]


def _chart(
    series: Mapping[str, Mapping[int, float]], best_epoch: int | None, frame: _Frame
) -> Chart:
    epochs = sorted({epoch for line in series.values() for epoch in line})
    x = linear(epochs[0], epochs[-1], LEFT + 8, WIDTH - RIGHT - 8)
    lines = [
        Line(
            name,
            number % STYLES,
            [
                Point(x(epoch), frame.y(value), f"epoch {epoch}: {name} {frame.told(value)}")
                for epoch, value in sorted(line.items())
            ],
        )
        for number, (name, line) in enumerate(series.items())
    ]
    marker = None
    if best_epoch in epochs:
        place = x(best_epoch)
        marker = Marker(
            place, f"best: epoch {best_epoch}", place > WIDTH / 2, _emptier(place, lines)
        )
    ticks = [step for step in round_steps(epochs[0], epochs[-1], 8) if step == int(step)]
    return Chart(
        title=frame.title,
        description=_description(frame, series, best_epoch if marker else None),
        x_label="epoch",
        y_label=frame.y_label,
        x_ticks=[Tick(x(step), number_label(step)) for step in ticks],
        y_ticks=[Tick(frame.y(value), frame.label(value)) for value in frame.y_ticks],
        lines=lines,
        marker=marker,
    )


def _emptier(place: float, lines: Sequence[Line]) -> float:
    """The height of a label beside `place`: at the top or at the bottom, away from the lines."""
    near = [point.y for line in lines for point in line.points if abs(point.x - place) < WIDTH / 4]
    top, bottom = TOP + 12, HEIGHT - BOTTOM - 8
    return max(top, bottom, key=lambda height: min(abs(height - y) for y in near))


def _description(
    frame: _Frame, series: Mapping[str, Mapping[int, float]], best_epoch: int | None
) -> str:
    sentences = []
    for name, line in series.items():
        first, last = min(line), max(line)
        words = f"{name}: {frame.told(line[first])} in epoch {first}"
        if best_epoch is not None and best_epoch in line:
            words += f", {frame.told(line[best_epoch])} in the best epoch, {best_epoch}"
        sentences.append(f"{words}, {frame.told(line[last])} in epoch {last}.")
    return f"{frame.title} ({frame.y_label}). " + " ".join(sentences)


def charts_of_run(curves: Curves) -> list[Chart]:
    """Scores, if there are any, then losses."""
    names = {"entity": "entities", "relation": "relations"}
    charts = []
    scores = _series((epoch.number, epoch.scores) for epoch in curves.epochs)
    if scores:
        shown = {names[task]: line for task, line in scores.items()}
        charts.append(score_chart(shown, curves.best_epoch))
    losses = _series((epoch.number, epoch.losses) for epoch in curves.epochs)
    if losses:
        charts.append(
            loss_chart(
                {names.get(name, name): line for name, line in losses.items()}, curves.best_epoch
            )
        )
    return charts


def _series(rows: Iterable[tuple[int, Mapping[str, float]]]) -> dict[str, dict[int, float]]:
    series: dict[str, dict[int, float]] = {}
    for number, values in rows:
        for name, value in values.items():
            if math.isfinite(value):
                series.setdefault(name, {})[number] = value
    return series


def reliability_chart(title: str, calibration: Calibration) -> ReliabilityChart:
    """A reliability diagram; both axes run from 0 to 1."""
    x, y = linear(0, 1, LEFT, HEIGHT - RIGHT), linear(0, 1, HEIGHT - BOTTOM, TOP)
    most = max((bin_.count for bin_ in calibration.bins), default=1)
    bubbles = [
        Bubble(
            x(bin_.confidence),
            y(bin_.right),
            y(bin_.interval.low),
            y(bin_.interval.high),
            2.5 + 6 * math.sqrt(bin_.count / most),
            f"{bin_.count} with confidence {bin_.low:.1f} to {bin_.high:.1f}: "
            f"{bin_.confidence:.2f} on average, {100 * bin_.right:.0f} % right",
        )
        for bin_ in calibration.bins
    ]
    steps = [0, 0.2, 0.4, 0.6, 0.8, 1]
    return ReliabilityChart(
        title=title,
        description=f"{title}. " + "; ".join(bubble.title for bubble in bubbles),
        x_ticks=[Tick(x(step), number_label(step)) for step in steps],
        y_ticks=[Tick(y(step), f"{100 * step:g}") for step in steps],
        diagonal=(x(0), y(0), x(1), y(1)),
        bubbles=bubbles,
        calibration=calibration,
    )
