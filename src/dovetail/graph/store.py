"""The database in which a graph is put together: what was read, brought into order, and counted.

It is SQLite in a temporary folder, so memory stays what its cache takes however much is read.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby, islice, repeat
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from dovetail.errors import OutputError
from dovetail.graph.found import FoundDocument, FoundEntity, FoundRelation
from dovetail.graph.naming import Identity, Naming
from dovetail.graph.rows import Edge, Evidence, MentionRow, Node, Totals, edge_id

_CACHE_KILOBYTES = 64 * 1024
_REMEMBERED = 50_000  # identities whose row is known without asking
_BATCH = 10_000

_TABLES = """
CREATE TABLE document (id INTEGER PRIMARY KEY, name TEXT UNIQUE, text TEXT);
CREATE TABLE node (id INTEGER PRIMARY KEY, identity TEXT UNIQUE, linked TEXT, given TEXT);
CREATE TABLE mention (id INTEGER PRIMARY KEY, node INTEGER, document INTEGER, start INTEGER,
    after INTEGER, pieces TEXT, type TEXT, text TEXT, confidence REAL);
CREATE TABLE relation (head INTEGER, type TEXT, tail INTEGER, document INTEGER,
    head_mention INTEGER, tail_mention INTEGER, confidence REAL);
CREATE TABLE node_fact (node INTEGER PRIMARY KEY, name TEXT, type TEXT, mentions INTEGER,
    documents INTEGER, best REAL);
CREATE TABLE edge (id INTEGER PRIMARY KEY, head INTEGER, type TEXT, tail INTEGER,
    mentions INTEGER, documents INTEGER, best REAL, combined REAL);
CREATE TABLE evidence (edge INTEGER, document INTEGER, head_mention INTEGER,
    tail_mention INTEGER, confidence REAL);
"""

_NODES = """SELECT n.id, n.identity, n.linked, f.name, f.type, f.mentions, f.documents, f.best
    FROM node n JOIN node_fact f ON f.node = n.id"""
_EDGES = """SELECT e.id, h.identity, e.type, t.identity, e.mentions, e.documents, e.best,
    e.combined FROM edge e JOIN node h ON h.id = e.head JOIN node t ON t.id = e.tail"""
_MENTIONS = """SELECT m.id, m.node, n.identity, d.name, m.start, m.after, m.pieces, m.type,
    m.text, m.confidence FROM mention m JOIN node n ON n.id = m.node
    JOIN document d ON d.id = m.document"""
_EVIDENCE = """SELECT v.edge, d.name, v.confidence,
    h.type, h.start, h.after, h.pieces, t.type, t.start, t.after, t.pieces
    FROM evidence v JOIN document d ON d.id = v.document
    JOIN mention h ON h.id = v.head_mention JOIN mention t ON t.id = v.tail_mention"""


class Store:
    """Takes documents one after another; once `finish`ed, gives nodes and edges in order.

    Args:
        database: an open, empty database.
        naming: says which entity a mention is of.
        keeps_texts: whether the texts of the documents are kept too.
    """

    def __init__(
        self, database: sqlite3.Connection, naming: Naming, *, keeps_texts: bool = False
    ) -> None:
        self.database = database
        self.totals = Totals()
        self._naming = naming
        self._keeps_texts = keeps_texts
        database.executescript(_TABLES)
        database.execute("BEGIN")  # one transaction for all: each has its cost
        self._node_of = lru_cache(maxsize=_REMEMBERED)(self._row_of_node)

    @classmethod
    @contextmanager
    def opened(cls, naming: Naming, *, keeps_texts: bool = False) -> Iterator[Store]:
        """A store in a temporary folder, which goes when it is done with.

        Raises:
            OutputError: if the disk of the temporary folder is full.
        """
        with tempfile.TemporaryDirectory(prefix="dovetail-graph-") as folder:
            database = sqlite3.connect(Path(folder) / "graph.sqlite", isolation_level=None)
            try:
                database.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")
                for pragma in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
                    database.execute(f"PRAGMA {pragma}")
                yield cls(database, naming, keeps_texts=keeps_texts)
            except sqlite3.OperationalError as error:
                raise OutputError(
                    f"the graph cannot be put together in {folder}: {error}; set TMPDIR to a "
                    f"folder with more room"
                ) from error
            finally:
                database.close()

    def add(self, document: FoundDocument) -> None:
        """Add what was found in a document."""
        row = self._document(document)
        entities = document.entities
        nodes = [self._node_of(self._naming.identity(own, document)) for own in entities]
        first = self.totals.mentions + 1
        mentions = range(first, first + len(nodes))
        self._insert(
            "INSERT INTO mention VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            map(_row_of_mention, mentions, nodes, repeat(row), entities),
        )
        self._relations(document.relations, nodes, mentions, row)
        self.totals.documents += 1
        self.totals.mentions += len(mentions)
        self.totals.relations += len(document.relations)

    def _document(self, document: FoundDocument) -> int:
        """The row of a document, whose name nothing else has."""
        text = document.text if self._keeps_texts else None
        name = document.id or document.place
        for own in (name, f"{name} ({document.place})"):
            added = self.database.execute(
                "INSERT OR IGNORE INTO document (name, text) VALUES (?, ?)", (own, text)
            )
            if added.rowcount:
                self.totals.renamed += own != name
                return int(added.lastrowid or 0)
        added = self.database.execute(
            "INSERT INTO document (name, text) SELECT ? || max(id), ? FROM document",
            (f"{name} ({document.place}) ", text),
        )  # the same file named twice
        self.totals.renamed += 1
        return int(added.lastrowid or 0)

    def _row_of_node(self, identity: Identity) -> int:
        values = identity.id, identity.linked, identity.name
        added = self.database.execute("INSERT OR IGNORE INTO node VALUES (NULL, ?, ?, ?)", values)
        if added.rowcount:
            return int(added.lastrowid or 0)
        found = self.database.execute("SELECT id FROM node WHERE identity = ?", values[:1])
        return int(found.fetchone()[0])

    def _relations(
        self,
        relations: Iterable[FoundRelation],
        nodes: Sequence[int],
        mentions: Sequence[int],
        document: int,
    ) -> None:
        self.database.executemany(
            "INSERT INTO relation VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(nodes[own.head], own.type, nodes[own.tail], document),
                    *(mentions[own.head], mentions[own.tail], own.confidence),
                )
                for own in relations
            ),
        )

    def finish(self) -> None:
        """Bring what was read into order, and count it."""
        self.totals.nodes = self._finish_nodes()
        self.totals.edges = self._finish_edges()

    def _finish_nodes(self) -> int:
        found = self.database.execute(
            "SELECT m.node, n.given, m.type, m.text, m.document, m.confidence FROM mention m "
            "JOIN node n ON n.id = m.node ORDER BY m.node, m.id"
        )
        facts = (_fact_of_node(node, rows) for node, rows in groupby(found, itemgetter(0)))
        return self._insert("INSERT INTO node_fact VALUES (?, ?, ?, ?, ?, ?)", facts)

    def _finish_edges(self) -> int:
        found = self.database.execute(
            "SELECT head, type, tail, document, head_mention, tail_mention, confidence "
            "FROM relation ORDER BY head, type, tail, document, head_mention, tail_mention"
        )
        edges: list[tuple[Any, ...]] = []
        count = 0

        def evidence() -> Iterator[tuple[Any, ...]]:
            nonlocal count
            for count, (key, rows) in enumerate(groupby(found, itemgetter(0, 1, 2)), start=1):
                edge = _FactOfEdge()
                for row in map(edge.counted, rows):
                    yield count, *row[3:]
                edges.append((count, *key, *edge.values()))

        rows = evidence()
        while batch := list(islice(rows, _BATCH)):
            self._insert("INSERT INTO evidence VALUES (?, ?, ?, ?, ?)", batch)
            self._insert("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?)", edges)
            edges.clear()
        self._insert("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?)", edges)
        return count

    def _insert(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> int:
        return max(0, self.database.executemany(statement, rows).rowcount)

    def nodes(self, where: str = "ORDER BY n.id", *values: object) -> Iterator[Node]:
        """The nodes, in the order in which they were met unless told otherwise."""
        return (Node(*row) for row in self.database.execute(f"{_NODES} {where}", values))

    def edges(self, where: str = "ORDER BY e.id", *values: object) -> Iterator[Edge]:
        """The edges, those of a head together unless told otherwise."""
        for row, *rest in self.database.execute(f"{_EDGES} {where}", values):
            head, type_, tail = rest[:3]
            yield Edge(row, edge_id(head, type_, tail), *rest)

    def mentions(self, where: str = "ORDER BY m.id", *values: object) -> Iterator[MentionRow]:
        """The mentions, in the order in which they were met unless told otherwise."""
        return (MentionRow(*row) for row in self.database.execute(f"{_MENTIONS} {where}", values))

    def mentions_by_node(self) -> Iterator[MentionRow]:
        """The mentions, in the order of their nodes."""
        return self.mentions("ORDER BY m.node, m.id")

    def evidence(self, where: str = "ORDER BY v.rowid", *values: object) -> Iterator[Evidence]:
        """What each edge was put together of, in the order of the edges unless told otherwise."""
        for edge, document, confidence, *ends in self.database.execute(
            f"{_EVIDENCE} {where}", values
        ):
            yield Evidence.between(edge, document, confidence, ends)

    def types(self, kind: Literal["mention", "relation"]) -> list[str]:
        """The types of entities or relations, sorted."""
        return sorted(
            type_ for (type_,) in self.database.execute(f"SELECT DISTINCT type FROM {kind}")
        )

    def documents(self) -> Iterator[str]:
        """The names of the documents."""
        for (name,) in self.database.execute("SELECT name FROM document ORDER BY id"):
            yield name


def _row_of_mention(id: int, node: int, document: int, entity: FoundEntity) -> tuple[Any, ...]:
    start, end = entity.pieces[0][0], entity.pieces[-1][1]
    pieces = "" if len(entity.pieces) == 1 else ",".join(f"{a}-{b}" for a, b in entity.pieces)
    place = id, node, document, start, end, pieces
    return (*place, entity.type, entity.text, entity.confidence)


def _fact_of_node(node: int, rows: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    names: Counter[str] = Counter()
    types: Counter[str] = Counter()
    given, last, documents, best = None, None, 0, None
    for _, given, type_, text, document, confidence in rows:  # noqa: B007  is the same in all
        names[" ".join(text.split())] += 1
        types[type_] += 1
        documents += document != last
        last = document
        if confidence is not None:
            best = max(confidence, best or 0.0)
    name = given or _most_frequent(names)
    return node, name, _most_frequent(types), types.total(), documents, best


def _most_frequent(counts: Counter[str]) -> str:
    """The most frequent; of several one that is not in capitals, then the one that sorts first."""
    return min(counts, key=lambda own: (-counts[own], own.isupper(), own))


class _FactOfEdge:
    """The counts of an edge; the probability that all of its mentions are wrong is a product."""

    def __init__(self) -> None:
        self._mentions = self._documents = 0
        self._last: object = None
        self._best: float | None = None
        self._all_wrong = 1.0

    def counted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        document, confidence = row[3], row[6]
        self._mentions += 1
        self._documents += document != self._last
        self._last = document
        if confidence is not None:
            self._best = max(confidence, self._best or 0.0)
            self._all_wrong *= 1 - confidence
        return row

    def values(self) -> tuple[int, int, float | None, float | None]:
        combined = None if self._best is None else round(1 - self._all_wrong, 6)
        return self._mentions, self._documents, self._best, combined
