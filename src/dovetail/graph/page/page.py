"""The page of a graph: a drawing to look at, and a list of its entities with their mentions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot, sqrt
from typing import TextIO

from dovetail.errors import MissingExtraError
from dovetail.graph.page.layout import Layout, layout
from dovetail.graph.page.selection import Selection, ShownEdge, ShownNode, select
from dovetail.graph.rows import Node
from dovetail.graph.store import Store
from dovetail.report.page import Made, environment, render
from dovetail.showing.rendering import assign_colours
from dovetail.text.visibility import NO_WIDTH

_SMALLEST, _LARGEST, _GROWTH = 6.0, 22.0, 3.0
_LETTER_WIDTH, _LABEL_LETTERS, _LABEL_HEIGHT = 6.6, 22, 17.0
_PAD = 12.0
_BEND = 22.0  # between edges that join the same two nodes
_KINDS = 5  # of lines that are told apart


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A circle with its label."""

    shown: ShownNode
    number: int
    x: float
    y: float
    radius: float
    label: str


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """A line between two circles, with the place of its label."""

    shown: ShownEdge
    head: int
    tail: int
    path: str
    x: float
    y: float
    width: float
    kind: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn."""

    nodes: list[DrawnNode]
    edges: list[DrawnEdge]
    width: float
    height: float
    kinds: dict[str, int]


def require_templates() -> None:
    """Check that a page can be made.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    try:
        environment()
    except MissingExtraError as error:
        raise MissingExtraError("the page of a graph", extra="graph") from error


def write_page(store: Store, file: TextIO, *, most_nodes: int, made_by: str) -> None:
    """Write the page of a graph.

    Raises:
        MissingExtraError: if Jinja2 is not installed.
    """
    require_templates()
    selection = select(store, most_nodes)
    shown = [*selection.connected, *selection.others]
    number = {own.node.id: index for index, own in enumerate(shown, start=1)}
    totals = store.totals
    file.write(
        render(
            "graph.html",
            Made.now(made_by),
            script="graph.js",
            totals=totals,
            drawing=drawing_of(selection, number),
            shown=shown,
            number=number,
            names={own.node.id: own.node.name for own in shown},
            type_by_id={own.node.id: own.node.type for own in shown},
            colours=assign_colours(store.types("mention")),
            types=Counter(own.node.type for own in shown),
            edges=selection.edges,
        )
    )


def drawing_of(selection: Selection, number: dict[str, int]) -> Drawing:
    """Draw the connected entities."""
    nodes = [own.node for own in selection.connected]
    index = {node.id: place for place, node in enumerate(nodes)}
    radii = [_radius(node) for node in nodes]
    labels = [_label(node.name) for node in nodes]
    sizes = [
        (max(2 * radius, _LETTER_WIDTH * len(label)) + _PAD, 2 * radius + 2 * _LABEL_HEIGHT)
        for radius, label in zip(radii, labels, strict=True)
    ]
    ends = [(index[own.edge.head], index[own.edge.tail]) for own in selection.edges]
    laid = layout(sizes, ends)
    kinds = _kinds(selection.edges)
    drawn = [
        DrawnNode(own, number[own.node.id], x, y, radius, label)
        for own, (x, y), radius, label in zip(
            selection.connected, laid.places, radii, labels, strict=True
        )
    ]
    edges = list(_edges(selection.edges, ends, laid, radii, kinds))
    return Drawing(drawn, edges, laid.width, laid.height, kinds)


def _radius(node: Node) -> float:
    return min(_LARGEST, _SMALLEST + _GROWTH * (sqrt(node.mentions) - 1))


def _label(name: str) -> str:
    shown = "".join(sign for sign in name if sign not in NO_WIDTH)
    return shown if len(shown) <= _LABEL_LETTERS else f"{shown[: _LABEL_LETTERS - 1].rstrip()}…"


def _kinds(edges: list[ShownEdge]) -> dict[str, int]:
    """The kind of line of each relation type: the most frequent ones have one of their own."""
    counts = Counter(own.edge.type for own in edges)
    ranked = sorted(counts, key=lambda type_: (-counts[type_], type_))
    return {type_: min(rank, _KINDS) for rank, type_ in enumerate(ranked)}


def _edges(
    edges: list[ShownEdge],
    ends: list[tuple[int, int]],
    laid: Layout,
    radii: list[float],
    kinds: dict[str, int],
) -> Iterator[DrawnEdge]:
    together: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place, (head, tail) in enumerate(ends):
        together[min(head, tail), max(head, tail)].append(place)
    rank = {own: (at, len(group)) for group in together.values() for at, own in enumerate(group)}
    for place, (own, (head, tail)) in enumerate(zip(edges, ends, strict=True)):
        at, count = rank[place]
        bend = _BEND * (2 * at - count + 1) * (1 if head <= tail else -1)
        path, x, y = (
            _loop(laid.places[head], radii[head], at)
            if head == tail
            else _line(laid.places[head], laid.places[tail], (radii[head], radii[tail]), bend)
        )
        width = min(4.0, 1.1 + 0.5 * (sqrt(own.edge.mentions) - 1))
        yield DrawnEdge(own, head, tail, path, x, y, width, kinds[own.edge.type])


def _line(
    first: tuple[float, float], last: tuple[float, float], radii: tuple[float, float], bend: float
) -> tuple[str, float, float]:
    """A line from the border of one circle to that of another, and its middle."""
    (x1, y1), (x2, y2) = first, last
    length = hypot(x2 - x1, y2 - y1) or 1.0
    across_x, across_y = -(y2 - y1) / length * bend, (x2 - x1) / length * bend
    middle_x, middle_y = (x1 + x2) / 2 + across_x, (y1 + y2) / 2 + across_y
    start_x, start_y = _towards(first, (middle_x, middle_y), radii[0] + 1)
    end_x, end_y = _towards(last, (middle_x, middle_y), radii[1] + 5)
    path = f"M{start_x:.1f} {start_y:.1f}Q{middle_x:.1f} {middle_y:.1f} {end_x:.1f} {end_y:.1f}"
    # The curve passes between its ends and the point that bends it.
    return path, (start_x + 2 * middle_x + end_x) / 4, (start_y + 2 * middle_y + end_y) / 4


def _towards(
    centre: tuple[float, float], point: tuple[float, float], distance: float
) -> tuple[float, float]:
    length = hypot(point[0] - centre[0], point[1] - centre[1]) or 1.0
    share = min(distance / length, 0.9)
    return (
        centre[0] + share * (point[0] - centre[0]),
        centre[1] + share * (point[1] - centre[1]),
    )


def _loop(centre: tuple[float, float], radius: float, at: int) -> tuple[str, float, float]:
    x, y = centre
    reach = radius + 16 + 8 * at
    path = (
        f"M{x - radius * 0.5:.1f} {y - radius:.1f}C{x - reach:.1f} {y - 2 * reach:.1f} "
        f"{x + reach:.1f} {y - 2 * reach:.1f} {x + radius * 0.5 + 2:.1f} {y - radius - 3:.1f}"
    )
    return path, x, y - 1.55 * reach
