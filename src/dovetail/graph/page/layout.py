"""Places for the nodes of a drawing: the same ones for the same graph, on every machine.

Each connected part is laid out by stress majorisation (Gansner et al., 2004): distances on paper
come close to those in the graph.  Then boxes that overlap are pushed apart, and the parts are set
side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EDGE_LENGTH = 110.0
_MARGIN = 26.0
_ROUNDS = 60
_PUSHES = 80
_ASPECT = 1.5  # of the whole drawing

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layout:
    """The middle of each node, and the size of the drawing."""

    places: list[tuple[float, float]]
    width: float
    height: float


def layout(sizes: Sequence[tuple[float, float]], edges: Iterable[tuple[int, int]]) -> Layout:
    """Lay out nodes of certain sizes, and edges between them by their indices."""
    neighbours: list[set[int]] = [set() for _ in sizes]
    for first, second in edges:
        if first != second:
            neighbours[first].add(second)
            neighbours[second].add(first)
    boxes = np.array(sizes, dtype=np.float64).reshape(-1, 2)
    parts = []
    for part in _connected(neighbours):
        points = _spread(_stress(part, neighbours), boxes[part])
        low = (points - boxes[part] / 2).min(axis=0)
        high = (points + boxes[part] / 2).max(axis=0)
        parts.append((part, points - low, high - low))
    return _packed(parts, len(sizes))


def _connected(neighbours: Sequence[set[int]]) -> list[list[int]]:
    """The connected parts, each in the order of a walk from its best connected node."""
    seen: set[int] = set()
    parts = []
    for start in sorted(range(len(neighbours)), key=lambda own: (-len(neighbours[own]), own)):
        if start not in seen:
            part = list(_distances(start, neighbours))
            seen.update(part)
            parts.append(part)
    return parts


def _distances(start: int, neighbours: Sequence[set[int]]) -> dict[int, int]:
    """The nodes that can be reached, nearest first, and their distances."""
    distances = {start: 0}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for other in sorted(neighbours[node]):
            if other not in distances:
                distances[other] = distances[node] + 1
                waiting.append(other)
    return distances


def _stress(part: Sequence[int], neighbours: Sequence[set[int]]) -> Points:
    """Points whose distances come close to those in the graph, the longer side lying flat."""
    count = len(part)
    if count == 1:
        return np.zeros((1, 2))
    wanted = np.array(
        [
            [found[other] for other in part]
            for found in (_distances(own, neighbours) for own in part)
        ],
        dtype=np.float64,
    )
    weights = 1 / np.maximum(wanted, 1) ** 2
    np.fill_diagonal(weights, 0)
    wanted *= EDGE_LENGTH
    turns = np.arange(count) * 2.399963  # the golden angle
    radii = EDGE_LENGTH * np.sqrt(np.arange(count))
    points = np.stack([np.cos(turns) * radii, np.sin(turns) * radii], axis=1)
    totals = weights.sum(axis=1, keepdims=True)
    for _ in range(_ROUNDS):
        apart = points[:, None] - points[None]
        lengths = np.maximum(np.sqrt((apart**2).sum(axis=2)), 1e-9)
        pulls = weights * wanted / lengths
        moved = weights @ points + points * pulls.sum(axis=1, keepdims=True) - pulls @ points
        points = moved / totals
    return _lying_flat(points)


def _lying_flat(points: Points) -> Points:
    centred = points - points.mean(axis=0)
    (a, b), (_, c) = centred.T @ centred
    angle = -0.5 * np.arctan2(2 * b, a - c)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(centred @ turn.T, dtype=np.float64)


def _spread(points: Points, boxes: Points) -> Points:
    """Push boxes apart that overlap, along the axis on which less is needed."""
    needed = (boxes[:, None] + boxes[None]) / 2
    others = ~np.eye(len(points), dtype=bool)
    for _ in range(_PUSHES):
        apart = points[:, None] - points[None]
        overlap = needed - np.abs(apart)
        hit = (overlap > 0).all(axis=2) & others
        if not hit.any():
            break
        # Of two in one place, the one that comes first goes up.
        order = np.sign(np.arange(len(points))[:, None] - np.arange(len(points))[None])
        signs = np.where(apart == 0, order[:, :, None], np.sign(apart))
        along = overlap.argmin(axis=2)
        for axis in (0, 1):
            pushed = np.where(hit & (along == axis), overlap[:, :, axis], 0) * signs[:, :, axis]
            points[:, axis] += 0.5 * pushed.sum(axis=1) / np.maximum(hit.sum(axis=1), 1)
    return points


def _packed(parts: Sequence[tuple[list[int], Points, Points]], count: int) -> Layout:
    """Set the parts side by side, the tallest first, each where it comes to lie highest."""
    area = sum(float((size[0] + _MARGIN) * (size[1] + _MARGIN)) for *_, size in parts)
    widest = max((float(size[0]) for *_, size in parts), default=0.0)
    limit = max(widest, (area * _ASPECT) ** 0.5) + _MARGIN
    skyline = [(0.0, limit, 0.0)]  # stretches from left to right, and how far down each is taken
    places = [(0.0, 0.0)] * count
    width = height = 0.0
    for index in sorted(range(len(parts)), key=lambda own: (-parts[own][2][1], own)):
        part, points, size = parts[index]
        room = float(size[0]) + _MARGIN
        y, x = min(
            (_lowest(skyline, left, left + room), left)
            for left, *_ in skyline
            if left + room <= limit + 1e-6
        )
        for node, point in zip(part, points, strict=True):
            places[node] = (x + float(point[0]), y + float(point[1]))
        bottom = y + float(size[1])
        skyline = _covered(skyline, x, x + room, bottom + _MARGIN)
        width, height = max(width, x + float(size[0])), max(height, bottom)
    return Layout(places, width, height)


def _lowest(skyline: Sequence[tuple[float, float, float]], left: float, right: float) -> float:
    """How far down a stretch is taken."""
    return max(down for start, end, down in skyline if start < right and end > left)


def _covered(
    skyline: Sequence[tuple[float, float, float]], left: float, right: float, down: float
) -> list[tuple[float, float, float]]:
    """The skyline when a stretch of it is taken as far down as that."""
    kept = [
        (start, end, old)
        for first, last, old in skyline
        for start, end in ((first, min(last, left)), (max(first, right), last))
        if start < end
    ]
    return sorted([*kept, (left, right, down)])
