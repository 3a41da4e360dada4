"""Entities under the lines of a text: a bar for each, and the type where it begins."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dovetail.showing.drawing.lines import Segment
from dovetail.showing.drawing.measures import shortened, width_of
from dovetail.showing.drawing.packing import rows_of
from dovetail.text.extraction import TextEntity

LABEL_SIZE = 11.0

_Piece = tuple[int, int, int]  # half-open positions, and the place of the entity


@dataclass(frozen=True, slots=True)
class Portion:
    """What of an entity stands on a line: from `left` to `right`, in a row under the text.

    `label` is its type where it begins, and empty where it goes on in another line.  Dots say that
    there are fragments before or behind.
    """

    entity: int
    left: float
    right: float
    label: str
    label_left: float
    row: int = 0


@dataclass(slots=True)
class DrawnLine:
    """A line: its segments, each with the innermost entity over it, and what is marked under it."""

    segments: list[Segment]
    over: list[int | None]
    portions: list[Portion] = field(default_factory=list)


def marked_lines(
    lines: Sequence[list[Segment]], entities: Sequence[TextEntity], width: float
) -> list[DrawnLine]:
    """Mark entities, whose pieces have to be borders of segments."""
    pieces = [
        (start, end, index) for index, own in enumerate(entities) for start, end in own.pieces
    ]
    pieces.sort(key=lambda piece: piece[0] - piece[1])  # the longest first, so the shortest wins
    drawn = [DrawnLine(segments, [None] * len(segments)) for segments in lines]
    begun: set[_Piece] = set()
    for line, covered in zip(drawn, _covered(drawn, pieces), strict=True):
        portions = []
        for piece, segments in sorted(covered.items()):
            label = "" if piece in begun else _label(entities[piece[2]], piece)
            begun.add(piece)
            portions.append(_portion(piece[2], segments, label, width))
        rows = rows_of([_extent(portion) for portion in portions])
        line.portions = [
            replace(portion, row=row) for portion, row in zip(portions, rows, strict=True)
        ]
    return drawn


def _covered(
    lines: Sequence[DrawnLine], pieces: Sequence[_Piece]
) -> list[defaultdict[_Piece, list[Segment]]]:
    """For each line the segments that pieces cover; notes the last piece over each segment."""
    firsts = [min(segment.start for segment in line.segments) for line in lines]
    found: list[defaultdict[_Piece, list[Segment]]] = [defaultdict(list) for _ in lines]
    for piece in pieces:
        start, end, index = piece
        for number in range(max(bisect_right(firsts, start) - 1, 0), bisect_left(firsts, end)):
            line = lines[number]
            for place, segment in enumerate(line.segments):
                if start <= segment.start and segment.end <= end:
                    found[number][piece].append(segment)
                    line.over[place] = index
    return found


def _label(entity: TextEntity, piece: _Piece) -> str:
    place = entity.pieces.index(piece[:2])
    after = " …" * (place + 1 < len(entity.pieces))
    return "… " * (place > 0) + shortened(entity.type) + after


def _portion(index: int, segments: Sequence[Segment], label: str, width: float) -> Portion:
    left = min(segment.x for segment in segments)
    right = max(segment.x + segment.width for segment in segments)
    label_left = max(min(left, width - width_of(label, LABEL_SIZE)), 0.0) if label else left
    return Portion(index, left, right, label, label_left)


def _extent(portion: Portion) -> tuple[float, float]:
    if not portion.label:
        return portion.left, portion.right
    label_right = portion.label_left + width_of(portion.label, LABEL_SIZE)
    return min(portion.left, portion.label_left), max(portion.right, label_right)
