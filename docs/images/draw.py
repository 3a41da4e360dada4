"""Draw the pictures of the README and of the architecture, for light pages and for dark ones.

python docs/images/draw.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dovetail import Document, Entity, Extraction, Relation, Sentence

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 960, 640
LEFT, MIDDLE, RIGHT = 110, 480, 850
"""Where the blocks begin, where the two tasks meet, and where the blocks end."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Hue:
    """The colours of one kind of thing."""

    fill: str
    line: str
    text: str


@dataclass(frozen=True)
class Palette:
    """All colours of a picture; what only the entity task does is blue, the relation task orange.

    What both share is violet.
    """

    page: str
    text: str
    quiet: str
    entity: Hue
    relation: Hue
    shared: Hue
    frozen: Hue


PALETTES = {
    "light": Palette(
        page="#ffffff",
        text="#1f2328",
        quiet="#59636e",
        entity=Hue("#dcebff", "#2f6fd6", "#174a9c"),
        relation=Hue("#ffe9d1", "#d9731a", "#8f4406"),
        shared=Hue("#ebe0fb", "#8250df", "#5a32a3"),
        frozen=Hue("#eef1f4", "#8b949e", "#424a53"),
    ),
    "dark": Palette(
        page="#0d1117",
        text="#e6edf3",
        quiet="#9198a1",
        entity=Hue("#12305c", "#58a6ff", "#b6d8ff"),
        relation=Hue("#4a2a0c", "#f0883e", "#ffd2a8"),
        shared=Hue("#32205a", "#a371f7", "#dcc8ff"),
        frozen=Hue("#1c222b", "#6e7681", "#c0c8d1"),
    ),
}


@dataclass(frozen=True)
class Word:
    """Some words of the sentence, with their width in pixels; an entity has a type."""

    text: str
    width: int
    type: str = ""


EXTRACTED = (
    Word("Craig Martin", 130, "Peop"),
    Word(", a spokesman for the", 176),
    Word("Boeing Company", 164, "Org"),
    Word("in", 18),
    Word("Seattle", 82, "Loc"),
    Word(", lives in", 70),
    Word("Tacoma", 84, "Loc"),
    Word(",", 4),
    Word("Washington", 122, "Loc"),
)
"""What the model `news` finds in a sentence, as the README prints it."""

LINKS = ((0, 2, "Work_For"), (2, 4, "OrgBased_In"), (6, 8, "Located_In"))
"""The relations in it: the words of head and tail, and the type."""

SENTENCE = (
    Word("The ferry", 92),
    Word("Stella Maris", 146, "Ship"),
    Word("belongs to", 104),
    Word("Norrland Line", 166, "Company"),
    Word("of", 30),
    Word("Turku", 92, "Port"),
)
GAP = 8


def text(x: float, y: float, words: str, colour: str, *, size: int = 16, weight: int = 400) -> str:
    """Words around a point."""
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="middle">{words}</text>'
    )


def box(x: float, y: float, width: float, height: float, hue: Hue) -> str:
    """A block with round corners."""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="7" fill="{hue.fill}" '
        f'stroke="{hue.line}" stroke-width="1.6"/>'
    )


def arrow(path: str, colour: str, *, dashed: bool = False) -> str:
    """A line that ends in an arrow."""
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes} '
        f'marker-end="url(#arrow-{colour[1:]})"/>'
    )


def arrow_heads(palette: Palette) -> str:
    """Definitions of the arrow heads in the colours that need one."""
    colours = (palette.relation.line, palette.quiet, palette.entity.line)
    heads = "".join(
        f'<marker id="arrow-{colour[1:]}" viewBox="0 0 10 10" refX="8" refY="5" '
        f'markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0.5 L9.5 5 L0 9.5 z" fill="{colour}"/></marker>'
        for colour in colours
    )
    return f"<defs>{heads}</defs>"


def extraction(palette: Palette) -> str:
    """The sentence with its entities, and the relations as arcs above them."""
    total = sum(word.width for word in SENTENCE) + GAP * (len(SENTENCE) - 1)
    x = (WIDTH - total) / 2
    centres: dict[str, float] = {}
    drawn = []
    for word in SENTENCE:
        centre = x + word.width / 2
        if word.type:
            centres[word.type] = centre
            drawn.append(box(x, 96, word.width, 36, palette.entity))
            drawn.append(text(centre, 151, word.type, palette.entity.line, size=13, weight=600))
        weight = 600 if word.type else 400
        colour = palette.entity.text if word.type else palette.text
        drawn.append(text(centre, 120, word.text, colour, size=18, weight=weight))
        x += word.width + GAP
    for head, tail, name in (("Ship", "Company", "owned_by"), ("Company", "Port", "based_in")):
        start, end = centres[head] + 14, centres[tail] - 14
        drawn.append(
            arrow(f"M{start} 94 C{start} 44 {end} 44 {end} 92", palette.relation.line)
            + text((start + end) / 2, 47, name, palette.relation.text, size=14, weight=600)
        )
    return "".join(drawn)


def extracted(palette: Palette) -> str:
    """The picture of what comes out: a sentence, its entities, and an arc for each relation."""
    width = sum(word.width for word in EXTRACTED) + GAP * (len(EXTRACTED) - 1)
    x = (WIDTH - width) / 2
    centres = []
    drawn = []
    for word in EXTRACTED:
        centre = x + word.width / 2
        centres.append(centre)
        if word.type:
            drawn.append(box(x, 108, word.width, 38, palette.entity))
            drawn.append(text(centre, 168, word.type, palette.entity.line, size=15, weight=600))
        weight = 600 if word.type else 400
        colour = palette.entity.text if word.type else palette.text
        drawn.append(text(centre, 133, word.text, colour, weight=weight))
        x += word.width + GAP
    for head, tail, name in LINKS:
        start, end = centres[head] + 12, centres[tail] - 12
        peak = 106 - max(50, (end - start) / 3.4)
        drawn.append(
            arrow(f"M{start} 106 C{start} {peak} {end} {peak} {end} 104", palette.relation.line)
            + text(
                (start + end) / 2,
                peak + (106 - peak) / 4 - 8,
                name,
                palette.relation.text,
                size=15,
                weight=600,
            )
        )
    return "".join(drawn)


def joint(x: float, width: float, top: float, bottom: float) -> str:
    """A dovetail from right to left: wide above, narrow below, three tails to a side."""
    points = []
    tails, slope = 3, 7
    pitch = width / tails
    for index in reversed(range(tails)):
        centre = x + pitch * (index + 0.5)
        half = pitch / 4
        points += [
            (centre + half - slope, bottom),
            (centre + half + slope, top),
            (centre - half - slope, top),
            (centre - half + slope, bottom),
        ]
    return "".join(f" L{px:.1f} {py:.1f}" for px, py in points)


def shared_block(top: float, bottom: float, palette: Palette) -> str:
    """The layers that both tasks read, with the tails that hold the tasks' own blocks."""
    path = (
        f"M{LEFT} {bottom} L{RIGHT} {bottom} L{RIGHT} {top}"
        f"{joint(MIDDLE + 10, RIGHT - MIDDLE - 10, top - 20, top)} L{MIDDLE + 10} {top}"
        f" L{MIDDLE - 10} {top}{joint(LEFT, MIDDLE - LEFT - 10, top - 20, top)}"
        f" L{LEFT} {top} Z"
    )
    hue = palette.shared
    return (
        f'<path d="{path}" fill="{hue.fill}" stroke="{hue.line}" stroke-width="1.6" '
        f'stroke-linejoin="round"/>'
        + text(WIDTH / 2, top + 33, "shared layers", hue.text, size=17, weight=600)
        + text(WIDTH / 2, top + 54, "both tasks read them, both train them", hue.text, size=13)
    )


def own_block(x: float, y: float, title: str, *, layers: int, hue: Hue) -> str:
    """The layers of one task, divided by lines."""
    width, height = MIDDLE - 10 - LEFT, 112  # its lower end lies behind the shared block
    lines = "".join(
        f'<line x1="{x}" x2="{x + width}" y1="{y + 78 * step / layers}" '
        f'y2="{y + 78 * step / layers}" stroke="{hue.line}" stroke-width="1" opacity="0.6"/>'
        for step in range(1, layers)
    )
    labels = "".join(
        text(x + width / 2, y + 78 * (step + 0.5) / layers + 6, title, hue.text, weight=600)
        for step in range(layers)
    )
    return box(x, y, width, height, hue) + lines + labels


def network(palette: Palette) -> str:
    """Encoder, shared layers, own layers, heads."""
    entity, relation = palette.entity, palette.relation
    own = MIDDLE - 10 - LEFT
    left, right = LEFT + own / 2, RIGHT - own / 2
    drawn = [
        arrow(f"M{left} 206 L{left} 168", entity.line),
        arrow(f"M{right} 206 L{right} 168", relation.line),
        box(LEFT + 40, 208, own - 80, 56, entity),
        text(left, 231, "entity head", entity.text, weight=600),
        text(left, 251, "a CRF over the tags of the words", entity.text, size=13),
        box(MIDDLE + 50, 208, own - 80, 56, relation),
        text(right, 231, "relation head", relation.text, weight=600),
        text(right, 251, "scores every pair of entities", relation.text, size=13),
        arrow(f"M{MIDDLE - 50} 236 L{MIDDLE + 46} 236", palette.quiet, dashed=True),
        text(MIDDLE, 226, "tags", palette.quiet, size=13),
        arrow(f"M{left} 296 L{left} 268", palette.quiet),
        arrow(f"M{right} 296 L{right} 268", palette.quiet),
        own_block(LEFT, 298, "entity layer", layers=1, hue=entity),
        own_block(MIDDLE + 10, 298, "relation layer", layers=2, hue=relation),
        shared_block(398, 470, palette),
        arrow(f"M{MIDDLE} 500 L{MIDDLE} 474", palette.quiet),
        box(LEFT, 502, RIGHT - LEFT, 56, palette.frozen),
        text(MIDDLE, 525, "encoders, side by side", palette.frozen.text, weight=600),
        text(
            MIDDLE,
            545,
            "pretrained transformer · characters · casing · word vectors",
            palette.frozen.text,
            size=13,
        ),
        arrow(f"M{MIDDLE} 588 L{MIDDLE} 562", palette.quiet),
        text(
            MIDDLE,
            610,
            "“The ferry Stella Maris belongs to Norrland Line of Turku.”",
            palette.text,
            size=17,
        ),
    ]
    return "".join(drawn)


def picture(title: str, height: int, palette: Palette, *parts: str) -> str:
    """A whole picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="{FONT}" role="img">'
        f"<title>{title}</title>"
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="{palette.page}"/>'
        f"{arrow_heads(palette)}{''.join(parts)}</svg>\n"
    )


def shown(shade: str) -> str:
    """The same sentence as an extraction draws itself."""
    text = sentence_of(EXTRACTED)
    offsets = []
    entities = {}
    for number, word in enumerate(EXTRACTED):
        start = text.index(word.text, offsets[-1][1] if offsets else 0)
        offsets.append((start, start + len(word.text)))
        if word.type:
            entities[number] = Entity(number, number + 1, word.type)
    links = [Relation(entities[head], entities[tail], name) for head, tail, name in LINKS]
    words = tuple(word.text for word in EXTRACTED)
    sentence = Sentence(words, tuple(offsets), frozenset(entities.values()), frozenset(links))
    found = Extraction(Document("", text, (sentence,)), {})
    return found.to_svg(scheme="dark" if shade == "dark" else "light") + "\n"


def sentence_of(words: tuple[Word, ...]) -> str:
    """The words as a text."""
    return " ".join(word.text for word in words).replace(" ,", ",")


def pictures(palette: Palette) -> dict[str, str]:
    """The pictures by name."""
    sentence = sentence_of(EXTRACTED)
    links = ", ".join(
        f"{EXTRACTED[head].text} {name} {EXTRACTED[tail].text}" for head, tail, name in LINKS
    )
    return {
        "extraction": picture(f"{sentence}: {links}", 190, palette, extracted(palette)),
        "dovetail": picture(
            "From a sentence to entities and relations: encoders, shared layers, layers of each "
            "task, heads",
            HEIGHT,
            palette,
            extraction(palette),
            network(palette),
        ),
    }


if __name__ == "__main__":
    for shade, palette in PALETTES.items():
        for name, drawn in (pictures(palette) | {"arcs": shown(shade)}).items():
            (HERE / f"{name}-{shade}.svg").write_text(drawn, encoding="utf-8")
