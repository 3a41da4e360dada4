"""Relations over the lines of a text: arcs from head to tail, which may go on in another line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dovetail.showing.drawing.marks import DrawnLine, Portion
from dovetail.showing.drawing.measures import shortened, width_of
from dovetail.showing.drawing.packing import rows_of
from dovetail.text.extraction import TextRelation

LABEL_SIZE = 12.0

_NAME_CHARACTERS = 24
"""Of the argument in another line, which is named at an arc that goes there."""


@dataclass(frozen=True, slots=True)
class Arc:
    """A relation on one line, from `left` to `right`, in a row over the text.

    Ends that stand at an entity go down to it, and the one at the tail has an arrow's head; the
    others are at the border of the line, since the relation goes on elsewhere.
    """

    relation: int
    left: float
    right: float
    left_is_head: bool
    label: str
    label_middle: float
    left_is_entity: bool = True
    right_is_entity: bool = True
    row: int = 0


@dataclass(frozen=True, slots=True)
class _End:
    """Where an arc meets an entity: its line, the portion that stands there, and its other end."""

    relation: int
    is_head: bool
    line: int
    portion: Portion
    other_line: int
    other_middle: float

    @property
    def goes_right(self) -> bool:
        return (self.other_line, self.other_middle) > (self.line, _middle(self.portion))

    @property
    def distance(self) -> float:
        apart = abs(self.other_middle - _middle(self.portion))
        return apart + 1e6 * abs(self.other_line - self.line)


def arcs_of(
    lines: Sequence[DrawnLine],
    places: Sequence[tuple[int, int]],
    relations: Sequence[TextRelation],
    width: float,
) -> list[list[Arc]]:
    """The arcs of each line.

    Args:
        lines: the lines with their entities.
        places: for each relation, which entities are its head and its tail.
        relations: what is drawn.
        width: of the lines.
    """
    standing: dict[int, tuple[int, Portion]] = {}
    for number, line in enumerate(lines):
        for portion in line.portions:
            if portion.label or portion.entity not in standing:
                standing.setdefault(portion.entity, (number, portion))
    anchors = _anchors(standing, places)
    by_line: list[list[Arc]] = [[] for _ in lines]
    for index, relation in enumerate(relations):
        for number, arc in _parts(index, relation, anchors, width):
            by_line[number].append(arc)
    return [_in_rows(arcs, width) for arcs in by_line]


def _anchors(
    standing: dict[int, tuple[int, Portion]], places: Sequence[tuple[int, int]]
) -> dict[tuple[int, bool], tuple[int, float]]:
    """The line and the position of each end, by the relation and whether it is the head.

    Several arcs at an entity stand side by side, in an order in which they do not cross.
    """
    ends: defaultdict[int, list[_End]] = defaultdict(list)
    for relation, (head, tail) in enumerate(places):
        for is_head, own, other in ((True, head, tail), (False, tail, head)):
            line, portion = standing[own]
            other_line, other_portion = standing[other]
            end = _End(relation, is_head, line, portion, other_line, _middle(other_portion))
            ends[own].append(end)
    anchors: dict[tuple[int, bool], tuple[int, float]] = {}
    for meeting in ends.values():
        meeting.sort(
            key=lambda end: (end.goes_right, -end.distance if end.goes_right else end.distance)
        )
        for place, end in enumerate(meeting, start=1):
            step = (end.portion.right - end.portion.left) / (len(meeting) + 1)
            anchors[end.relation, end.is_head] = (end.line, end.portion.left + place * step)
    return anchors


def _middle(portion: Portion) -> float:
    return (portion.left + portion.right) / 2


def _parts(
    index: int,
    relation: TextRelation,
    anchors: dict[tuple[int, bool], tuple[int, float]],
    width: float,
) -> Iterator[tuple[int, Arc]]:
    """The arc of a relation, or the two parts of one between two lines, with their lines."""
    (head_line, head_x), (tail_line, tail_x) = anchors[index, True], anchors[index, False]
    confidence = "" if relation.confidence is None else f" {relation.confidence:.2f}"
    label = f"{shortened(relation.type)}{confidence}"
    if head_line == tail_line:
        left, right = sorted((head_x, tail_x))
        yield head_line, Arc(index, left, right, head_x <= tail_x, label, (left + right) / 2)
        return
    head, tail = (shortened(own.text, _NAME_CHARACTERS) for own in (relation.head, relation.tail))
    for line, x, other_line, is_head, said in (
        (head_line, head_x, tail_line, True, f"{label} → {tail}"),
        (tail_line, tail_x, head_line, False, f"{head} → {label}"),
    ):
        if other_line > line:  # it goes on to the right, as reading does
            arc = Arc(index, x, width, is_head, said, (x + width) / 2, right_is_entity=False)
        else:
            arc = Arc(index, 0.0, x, not is_head, said, x / 2, left_is_entity=False)
        yield line, arc


def _in_rows(arcs: Sequence[Arc], width: float) -> list[Arc]:
    """Give arcs rows in which neither they nor their labels touch; labels stay on the picture."""
    extents = []
    middles = []
    for arc in arcs:
        half = width_of(arc.label, LABEL_SIZE) / 2
        middle = max(min(arc.label_middle, width - half), half)
        middles.append(middle)
        extents.append((min(arc.left, middle - half), max(arc.right, middle + half)))
    rows = rows_of(extents)
    return [
        replace(arc, row=row, label_middle=middle)
        for arc, row, middle in zip(arcs, rows, middles, strict=True)
    ]
