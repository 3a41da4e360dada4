"""Cypher: statements that Neo4j, Memgraph and LadybugDB (the heir of Kuzu) take, one a line.

All that comes from a text is within a literal, and all that comes from a type within one too, or
between backticks, so nothing that was found can become a part of a statement.  Loaded twice, the
statements leave what they left the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, TextIO

from dovetail.graph.formats.rdf import decimal as rdf_decimal
from dovetail.graph.formats.tables import TABLES, Table
from dovetail.graph.store import Store

_ROWS = 500  # of one statement

ENTITY, MENTION, EVIDENCE = "Entity", "Mention", "Evidence"
OF, HEAD, TAIL = "MENTION_OF", "EVIDENCE_HEAD", "EVIDENCE_TAIL"
_OWN = (ENTITY, MENTION, EVIDENCE, OF, HEAD, TAIL)

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r"[\\'\x00-\x1f\x7f-\x9f\u2028\u2029]")

_NODES, _EDGES, _MENTIONS, _EVIDENCE = TABLES
_ENDS = {
    "nodes": (),
    "edges": ("head", "tail"),
    "mentions": ("node",),
    "evidence": ("head", "tail"),
}
"""Fields that lead to other nodes, and become relations."""

_KINDS = {"text": "STRING", "integer": "INT64", "number": "DOUBLE"}


def write_cypher(store: Store, file: TextIO, *, tables: bool) -> None:
    """Write a graph; with `tables` the statements that make those of LadybugDB go before it."""
    names = relation_names(store.types("relation"))
    if tables:
        for statement in _table_statements(names):
            file.write(f"{statement};\n")
    for statement in _statements(store, names):
        file.write(f"{statement};\n")


def relation_names(types: Iterable[str]) -> dict[str, str]:
    """The names of relations between entities, by type.

    A graph database may make no difference between upper and lower case, and the names of the
    relations that keep the evidence are taken; a type that would meet one of these or another type
    has a number behind it, and all have their type as a property.
    """
    taken = {name.casefold() for name in _OWN}
    names: dict[str, str] = {}
    for type_ in types:
        # Where the escapes of Java are replaced before a statement is read, \u0060 is a backtick.
        stem = re.sub(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]", "_", type_)
        candidates = (stem if number == 1 else f"{stem}_{number}" for number in range(1, 1 << 30))
        name = next(own for own in candidates if own.casefold() not in taken)
        taken.add(name.casefold())
        names[type_] = name
    return names


def _table_statements(names: dict[str, str]) -> Iterator[str]:
    for label, table in ((ENTITY, _NODES), (MENTION, _MENTIONS), (EVIDENCE, _EVIDENCE)):
        yield f"CREATE NODE TABLE {label} ({_declared(table)}, PRIMARY KEY (`id`))"
    for name in names.values():
        ends = f"FROM {ENTITY} TO {ENTITY}"
        yield f"CREATE REL TABLE {identifier(name)} ({ends}, {_declared(_EDGES)})"
    for name, first, second in (
        *((OF, MENTION, ENTITY), (HEAD, EVIDENCE, MENTION), (TAIL, EVIDENCE, MENTION)),
    ):
        yield f"CREATE REL TABLE {name} (FROM {first} TO {second})"


def _declared(table: Table) -> str:
    kept = (own for own in table.columns.items() if own[0] not in _ENDS[table.name])
    return ", ".join(f"`{name}` {_KINDS[kind]}" for name, kind in kept)


def _statements(store: Store, names: dict[str, str]) -> Iterator[str]:
    merge = f"MERGE (n:{ENTITY} {{id: row.id}})"
    yield from _Batches(_NODES, merge).statements(_NODES.rows(store))
    for type_, edges in groupby(store.edges("ORDER BY e.type, e.id"), attrgetter("type")):
        match = f"MATCH (h:{ENTITY} {{id: row.head}}), (t:{ENTITY} {{id: row.tail}})"
        merge = f"{match} MERGE (h)-[n:{identifier(names[type_])} {{id: row.id}}]->(t)"
        yield from _Batches(_EDGES, merge).statements(edge[1:] for edge in edges)
    match = f"MATCH (e:{ENTITY} {{id: row.node}}) MERGE (n:{MENTION} {{id: row.id}})"
    yield from _Batches(_MENTIONS, match, f"MERGE (n)-[:{OF}]->(e)").statements(
        _MENTIONS.rows(store)
    )
    match = f"MATCH (h:{MENTION} {{id: row.head}}), (t:{MENTION} {{id: row.tail}})"
    match += f" MERGE (n:{EVIDENCE} {{id: row.id}})"
    ends = f"MERGE (n)-[:{HEAD}]->(h) MERGE (n)-[:{TAIL}]->(t)"
    yield from _Batches(_EVIDENCE, match, ends).statements(_EVIDENCE.rows(store))


class _Batches:
    """Statements for the rows of a table, each for many rows that have the same fields.

    A field without a value is left out, since the type of a null cannot be told.
    """

    def __init__(self, table: Table, merge: str, after: str = "") -> None:
        self._table = table
        self._merge = merge
        self._after = after
        self._rows: dict[tuple[str, ...], list[str]] = {}

    def statements(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
        """The statements for some rows."""
        for row in rows:
            told = zip(self._table.columns, row, strict=True)
            fields = {name: value for name, value in told if value is not None}
            shape = tuple(fields)
            batch = self._rows.setdefault(shape, [])
            batch.append(f"{{{', '.join(f'`{n}`: {literal(v)}' for n, v in fields.items())}}}")
            if len(batch) == _ROWS:
                yield self._statement(shape, self._rows.pop(shape))
        for shape, batch in self._rows.items():
            yield self._statement(shape, batch)

    def _statement(self, shape: tuple[str, ...], rows: list[str]) -> str:
        set_ = ", ".join(
            f"n.`{name}` = row.`{name}`"
            for name in shape
            if name != "id" and name not in _ENDS[self._table.name]
        )
        after = f" {self._after}" * bool(self._after)
        return f"UNWIND [{', '.join(rows)}] AS row {self._merge} SET {set_}{after}"


def identifier(name: str) -> str:
    """A name between backticks."""
    return f"`{name.replace('`', '``')}`"


def literal(value: str | int | float) -> str:
    r"""A value as an expression that no reader takes for more than it is.

    Some replace ``\u0027`` by a quote before they look for the end of a string, so a backslash and
    a ``u`` are never neighbours.

    >>> print(literal("it's"), literal(0.5), literal("\\u0027"))
    'it\'s' 0.5 '\\' + 'u0027'
    """
    if not isinstance(value, str):
        return rdf_decimal(value) if isinstance(value, float) else str(value)
    escaped = _ESCAPED.sub(lambda match: _ESCAPES.get(match[0], "\ufffd"), value)
    return f"'{escaped}'".replace("\\\\u", "\\\\' + 'u")
