"""What of a graph a page holds: the best connected entities, and examples of their mentions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dovetail.graph.rows import Edge, Node
from dovetail.graph.store import Store

MOST_MENTIONS, MOST_EVIDENCE = 8, 3
"""Examples of an entity, and of a relation."""

EDGES_PER_NODE = 3
"""Relations that are drawn for each entity, at most and on average."""

_AROUND = 90  # characters of context on each side

_STRENGTH = """SELECT node FROM (SELECT head AS node, mentions FROM edge
    UNION ALL SELECT tail, mentions FROM edge WHERE tail != head)
    GROUP BY node ORDER BY sum(mentions) DESC, node LIMIT ?"""
_UNCONNECTED = """SELECT node FROM node_fact WHERE node NOT IN (SELECT head FROM edge)
    AND node NOT IN (SELECT tail FROM edge) ORDER BY mentions DESC, node LIMIT ?"""
_EXAMPLES = """SELECT d.name, d.text, m.confidence, m.start, m.after, m.pieces
    FROM mention m JOIN document d ON d.id = m.document WHERE m.node = ? ORDER BY m.id LIMIT ?"""
_EVIDENCE = """SELECT d.name, d.text, v.confidence, h.start, h.after, h.pieces,
    t.start, t.after, t.pieces FROM evidence v JOIN document d ON d.id = v.document
    JOIN mention h ON h.id = v.head_mention JOIN mention t ON t.id = v.tail_mention
    WHERE v.edge = ? ORDER BY v.confidence DESC, v.rowid LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of a document around mentions: texts, each with whether it is one of them."""

    document: str
    place: str
    parts: list[tuple[str, bool]]
    confidence: float | None


@dataclass(frozen=True, slots=True)
class ShownEdge:
    """A relation with examples of its mentions."""

    edge: Edge
    quotes: list[Quote]


@dataclass(slots=True)
class ShownNode:
    """An entity with its relations, examples of its mentions, and how it is also called."""

    node: Node
    quotes: list[Quote]
    names: list[str]
    edges: list[ShownEdge] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown: entities with relations among it, which are drawn, others, and relations."""

    connected: list[ShownNode]
    others: list[ShownNode]
    edges: list[ShownEdge]


def select(store: Store, most_nodes: int) -> Selection:
    """Choose what is shown; what has more mentions goes first."""
    database = store.database
    database.execute("CREATE INDEX mention_by_node ON mention (node)")
    database.execute("CREATE INDEX evidence_by_edge ON evidence (edge)")
    chosen = [row for (row,) in database.execute(_STRENGTH, (most_nodes,))]
    room = most_nodes - len(chosen)
    others = [row for (row,) in database.execute(_UNCONNECTED, (room,))]
    database.execute("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")
    database.executemany("INSERT INTO chosen VALUES (?)", ((row,) for row in chosen))
    within = "WHERE e.head IN (SELECT id FROM chosen) AND e.tail IN (SELECT id FROM chosen)"
    limit = EDGES_PER_NODE * most_nodes
    found = store.edges(f"{within} ORDER BY e.mentions DESC, e.combined DESC, e.id LIMIT ?", limit)
    edges = [ShownEdge(edge, _evidence(store, edge.row)) for edge in found]
    shown = {row: _shown(store, row) for row in [*chosen, *others]}
    by_id = {own.node.id: own for own in shown.values()}
    for edge in edges:
        for id in dict.fromkeys((edge.edge.head, edge.edge.tail)):
            by_id[id].edges.append(edge)
    every = list(shown.values())
    return Selection(
        [own for own in every if own.edges], [own for own in every if not own.edges], edges
    )


def _shown(store: Store, row: int) -> ShownNode:
    (node,) = store.nodes("WHERE n.id = ?", row)
    quotes = [
        _quote(document, text, confidence, [_pieces(*place)])
        for document, text, confidence, *place in store.database.execute(
            _EXAMPLES, (row, MOST_MENTIONS)
        )
    ]
    names = [
        name
        for (name,) in store.database.execute(
            "SELECT text FROM mention WHERE node = ? GROUP BY text ORDER BY count(*) DESC, text "
            "LIMIT ?",
            (row, MOST_MENTIONS),
        )
        if name != node.name
    ]
    return ShownNode(node, quotes, names)


def _evidence(store: Store, edge: int) -> list[Quote]:
    found = store.database.execute(_EVIDENCE, (edge, MOST_EVIDENCE))
    return [
        _quote(document, text, confidence, [_pieces(*places[:3]), _pieces(*places[3:])])
        for document, text, confidence, *places in found
    ]


def _pieces(start: int, after: int, pieces: str) -> list[tuple[int, int]]:
    if not pieces:
        return [(start, after)]
    pairs = (piece.split("-") for piece in pieces.split(","))
    return [(int(first), int(end)) for first, end in pairs]


def _quote(
    document: str,
    text: str,
    confidence: float | None,
    mentions: Sequence[list[tuple[int, int]]],
) -> Quote:
    place = " and ".join(", ".join(f"{a}–{b}" for a, b in own) for own in mentions)  # noqa: RUF001
    return Quote(document, place, list(_parts(text, mentions)), confidence)


def _parts(text: str, mentions: Sequence[list[tuple[int, int]]]) -> Iterator[tuple[str, bool]]:
    """The text around mentions; where it is long, the rest and the middle are left out."""
    end = 0
    for start, after in _merged(piece for own in mentions for piece in own):
        before = text[end:start]
        if end == 0 and len(before) > _AROUND:
            before = f"… {before[-_AROUND:].partition(' ')[2]}"
        elif len(before) > 2 * _AROUND:
            first, last = before[:_AROUND].rpartition(" ")[0], before[-_AROUND:].partition(" ")[2]
            before = f"{first} … {last}"
        yield before, False
        yield text[start:after], True
        end = after
    rest = text[end:]
    yield (rest if len(rest) <= _AROUND else f"{rest[:_AROUND].rpartition(' ')[0]} …"), False


def _merged(pieces: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pieces in the order of the text, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, after in sorted(pieces):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(after, merged[-1][1])
        else:
            merged.append((start, after))
    return merged
