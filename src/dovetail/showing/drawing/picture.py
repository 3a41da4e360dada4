"""The picture: lines of text, entities under their words, relations over them, as SVG or HTML.

Everything that a text or a model says is escaped, and made visible where it could not be seen.
There is no script, no style sheet, no reference to anything else and no id, so that several
pictures can stand on a page, whatever its policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from dovetail.showing.drawing.arcs import LABEL_SIZE as ARC_LABEL_SIZE
from dovetail.showing.drawing.arcs import Arc, arcs_of
from dovetail.showing.drawing.lines import SIZE, Segment, lines_of
from dovetail.showing.drawing.marks import LABEL_SIZE, DrawnLine, Portion, marked_lines
from dovetail.showing.drawing.measures import FONT, printable, width_of
from dovetail.showing.rendering import assign_colours
from dovetail.text.extraction import Scheme, TextEntity, TextRelation

WIDTH = 760.0
"""Pixels of a line."""

TINT = 0.3
"""How much of its colour an entity's type lends to the ground of its words."""

INK = {"light": ("#ffffff", "#1f2328"), "dark": ("#0d1117", "#e6edf3")}
"""Ground and letters of the two schemes."""

_MARGIN, _ASCENT, _DESCENT = 8.0, 16.0, 6.0
_ARC_ROW, _FIRST_ARC, _MARK_ROW = 20.0, 14.0, 18.0
_CORNER = 6.0


def svg_of(
    text: str,
    entities: Sequence[TextEntity],
    relations: Sequence[TextRelation],
    *,
    width: float = WIDTH,
    scheme: Scheme = "page",
) -> str:
    """Draw a text.

    Args:
        text: what is drawn, in lines.
        entities: those in it, which may overlap.
        relations: each between two of them.
        width: of the picture, in pixels.
        scheme: ``page`` draws in the colour of the text around it on no ground of its own, for a
            page or a notebook; ``light`` and ``dark`` are for a file.

    Raises:
        ValueError: if there is no such scheme, or the width is too small for words.
    """
    if scheme != "page" and scheme not in INK:
        raise ValueError(f"the scheme is {scheme!r}; expected one of: page, {', '.join(INK)}")
    if not width >= 100:
        raise ValueError(f"the width is {width} pixels; expected 100 or more")
    inner = width - 2 * _MARGIN
    pieces = [piece for own in entities for piece in own.pieces]
    lines = marked_lines(lines_of(text, pieces, inner), entities, inner)
    place = {id(own): index for index, own in enumerate(entities)}
    places = [(place[id(own.head)], place[id(own.tail)]) for own in relations]
    arcs = arcs_of(lines, places, relations, inner)
    colours = assign_colours(own.type for own in entities)
    drawn: list[str] = []
    y = _MARGIN
    for line, own in zip(lines, arcs, strict=True):
        y += _height_over(own)
        drawn += _text(line, entities, colours, y)
        drawn += (
            part for portion in line.portions for part in _mark(portion, entities, colours, y)
        )
        drawn += (_arc(arc, relations[arc.relation], y - _ASCENT) for arc in own)
        y += _height_under(line)
    return _picture(drawn, width, y + _MARGIN, _said(entities, relations), scheme)


def _height_over(arcs: Sequence[Arc]) -> float:
    rows = max((arc.row + 1 for arc in arcs), default=0)
    return _ASCENT + (rows * _ARC_ROW + _FIRST_ARC) * bool(rows)


def _height_under(line: DrawnLine) -> float:
    rows = max((portion.row + 1 for portion in line.portions), default=0)
    return _DESCENT + rows * _MARK_ROW + 6.0


def _picture(drawn: Sequence[str], width: float, height: float, said: str, scheme: Scheme) -> str:
    """The whole element around what is drawn."""
    ground, colour = "", "currentColor"
    if scheme != "page":
        paper, colour = INK[scheme]
        ground = _element("rect", {"width": "100%", "height": "100%", "fill": paper})
    size = {"width": _number(width), "height": _number(height)}
    inner = _element("g", {"transform": f"translate({_number(_MARGIN)} 0)"}, "".join(drawn))
    values = {
        "xmlns": "http://www.w3.org/2000/svg",
        **size,
        "viewBox": f"0 0 {size['width']} {size['height']}",
        "role": "img",
        "aria-label": said,
        "font-family": FONT,
        "color": colour,
        "fill": "currentColor",
    }
    if scheme == "page":
        del values["color"]
    return _element("svg", values, ground + inner)


def _said(entities: Sequence[TextEntity], relations: Sequence[TextRelation]) -> str:
    """What the picture shows, for who cannot see it."""
    return f"A text with {counted(len(entities), 'entity', 'entities')} and " + counted(
        len(relations), "relation", "relations"
    )


def counted(number: int, one: str, several: str) -> str:
    """A number with its noun.

    >>> counted(1, "entity", "entities"), counted(2000, "entity", "entities")
    ('1 entity', '2,000 entities')
    """
    return f"{number:,} {one if number == 1 else several}"


def _text(
    line: DrawnLine, entities: Sequence[TextEntity], colours: Mapping[str, str], y: float
) -> Iterator[str]:
    """The grounds of entities, and the words on them."""
    for segment, over in zip(line.segments, line.over, strict=True):
        if over is not None:
            yield _element(
                "rect",
                {
                    "x": _number(segment.x - 1.5),
                    "y": _number(y - _ASCENT + 1),
                    "width": _number(segment.width + 3),
                    "height": _number(_ASCENT + _DESCENT - 2),
                    "rx": "3",
                    "fill": colours[entities[over].type],
                    "fill-opacity": str(TINT),
                },
            )
    for segment in line.segments:
        yield _words(segment, y)


def _words(segment: Segment, y: float) -> str:
    values = {"x": _number(segment.x), "y": _number(y), "font-size": _number(SIZE)}
    if segment.right_to_left:  # then x is where the words begin, at the right
        values |= {"x": _number(segment.x + segment.width), "direction": "rtl"}
    return _element("text", values | _exactly(segment.width), escape(segment.text))


def _mark(
    portion: Portion, entities: Sequence[TextEntity], colours: Mapping[str, str], y: float
) -> Iterator[str]:
    """The bar under an entity and its type, with all that is known of it in a tip."""
    entity = entities[portion.entity]
    top = y + _DESCENT + portion.row * _MARK_ROW
    bar = _element(
        "rect",
        {
            "x": _number(portion.left),
            "y": _number(top),
            "width": _number(portion.right - portion.left),
            "height": "3",
            "rx": "1.5",
            "fill": colours[entity.type],
            "stroke": "currentColor",
            "stroke-width": "0.4",
        },
    )
    label = ""
    if portion.label:
        label = _label(portion.label, portion.label_left, top + 13, LABEL_SIZE)
    confidence = "" if entity.confidence is None else f", confidence {entity.confidence:.2f}"
    tip = printable(
        f"{entity.text}: {entity.type}{confidence}, characters {entity.start_char} to "
        f"{entity.end_char}"
    )
    yield _element("g", {}, _element("title", {}, escape(tip)) + bar + label)


def _arc(arc: Arc, relation: TextRelation, bottom: float) -> str:
    """The line from head to tail, the arrow's head at the tail, and the type over it."""
    top = bottom - _FIRST_ARC - arc.row * _ARC_ROW
    corner = min(_CORNER, (arc.right - arc.left) / 2)
    left, right = _number(arc.left), _number(arc.right)
    up = f"M{left} {_number(bottom)} V{_number(top + corner)}"
    up += f" Q{left} {_number(top)} {_number(arc.left + corner)} {_number(top)}"
    down = f"H{_number(arc.right - corner)} Q{right} {_number(top)} {right} "
    down += f"{_number(top + corner)} V{_number(bottom)}"
    path = f"{up if arc.left_is_entity else f'M{left} {_number(top)}'} "
    path += down if arc.right_is_entity else f"H{right}"
    values = {"d": path, "fill": "none", "stroke": "currentColor", "stroke-opacity": "0.55"}
    if not (arc.left_is_entity and arc.right_is_entity):
        values["stroke-dasharray"] = "5 3"
    drawn = _element("path", values)
    tail_is_entity = arc.right_is_entity if arc.left_is_head else arc.left_is_entity
    if tail_is_entity:
        x = arc.right if arc.left_is_head else arc.left
        points = f"M{_number(x - 4)} {_number(bottom - 7)} h8 l-4 7 z"
        drawn += _element("path", {"d": points})
    half = width_of(arc.label, ARC_LABEL_SIZE) / 2
    drawn += _label(arc.label, arc.label_middle - half, top - 3, ARC_LABEL_SIZE)
    return _element("g", {}, _element("title", {}, escape(relation_in_words(relation))) + drawn)


def relation_in_words(relation: TextRelation) -> str:
    """A relation on one line, printable.

    >>> anna, bonn = (TextEntity(0, 4, "Peop", "Anna", 0.9), TextEntity(14, 18, "Loc", "Bonn", 0.9))
    >>> relation_in_words(TextRelation(anna, bonn, "Live_In", 0.873))
    'Anna (Peop) Live_In Bonn (Loc), confidence 0.87'
    """
    confidence = "" if relation.confidence is None else f", confidence {relation.confidence:.2f}"
    head, tail = (f"{own.text} ({own.type})" for own in (relation.head, relation.tail))
    return printable(f"{head} {relation.type} {tail}{confidence}")


def _label(text: str, x: float, y: float, size: float) -> str:
    values = {"x": _number(x), "y": _number(y), "font-size": _number(size)}
    return _element("text", values | _exactly(width_of(text, size)), escape(text))


def _exactly(width: float) -> dict[str, str]:
    """Have words as wide as was reckoned, whatever the font."""
    return {"textLength": _number(width), "lengthAdjust": "spacingAndGlyphs"}


def _element(name: str, values: Mapping[str, str], content: str = "") -> str:
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in values.items())
    return f"<{name}{attributes}>{content}</{name}>" if content else f"<{name}{attributes}/>"


def _number(value: float) -> str:
    """A number of pixels to a tenth."""
    return f"{value:.1f}".removesuffix(".0")
