"""The tables of a graph, as CSV and as Parquet: nodes, edges, mentions, and evidence of edges."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import MissingExtraError
from dovetail.graph.store import Store

if TYPE_CHECKING:
    import pyarrow

_GROUP_ROWS = 50_000

_ARROW = {"text": "string", "integer": "int64", "number": "float64"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the names and kinds of its columns, and its rows."""

    name: str
    columns: dict[str, str]
    rows: Callable[[Store], Iterator[tuple[Any, ...]]]


def _nodes(store: Store) -> Iterator[tuple[Any, ...]]:
    return (node[1:] for node in store.nodes())


def _edges(store: Store) -> Iterator[tuple[Any, ...]]:
    return (edge[1:] for edge in store.edges())


def _mentions(store: Store) -> Iterator[tuple[Any, ...]]:
    for own in store.mentions():
        place = own.document, own.start, own.end, own.pieces or None
        yield own.id, own.node, *place, own.type, own.text, own.confidence


def _evidence(store: Store) -> Iterator[tuple[Any, ...]]:
    id_by_row: tuple[int, str] = (0, "")
    edges = store.edges()
    for own in store.evidence():
        while id_by_row[0] != own.edge_row:  # both are in the order of the edges
            edge = next(edges)
            id_by_row = edge.row, edge.id
        id = own.id(id_by_row[1])
        yield id, id_by_row[1], own.document, own.head, own.tail, own.confidence


_COUNTS = {"mentions": "integer", "documents": "integer", "best": "number"}

TABLES = (
    Table(
        "nodes",
        {"id": "text", "linked": "text", "name": "text", "type": "text", **_COUNTS},
        _nodes,
    ),
    Table(
        "edges",
        {"id": "text", "head": "text", "type": "text", "tail": "text", **_COUNTS}
        | {"combined": "number"},
        _edges,
    ),
    Table(
        "mentions",
        {"id": "text", "node": "text", "document": "text", "start": "integer", "end": "integer"}
        | {"fragments": "text", "type": "text", "text": "text", "confidence": "number"},
        _mentions,
    ),
    Table(
        "evidence",
        {"id": "text", "edge": "text", "document": "text", "head": "text", "tail": "text"}
        | {"confidence": "number"},
        _evidence,
    ),
)


def write_csv(store: Store, folder: Path) -> None:
    """Write each table as a CSV file (RFC 4180) with a header, in UTF-8.

    An empty field is no value.
    """
    for table in TABLES:
        with (folder / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as file:
            # The module quotes those signs of a line's end alone that it writes itself.
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows(store))


def write_parquet(store: Store, folder: Path) -> None:
    """Write each table as a Parquet file.

    Raises:
        MissingExtraError: if pyarrow is not installed.
    """
    arrow, parquet = require_arrow()
    for table in TABLES:
        schema = arrow.schema([(name, _ARROW[kind]) for name, kind in table.columns.items()])
        rows = table.rows(store)
        with parquet.ParquetWriter(folder / f"{table.name}.parquet", schema) as writer:
            while group := list(islice(rows, _GROUP_ROWS)):
                writer.write_table(_arrow_table(group, schema))


def _arrow_table(rows: list[tuple[Any, ...]], schema: pyarrow.Schema) -> pyarrow.Table:
    import pyarrow

    columns = zip(*rows, strict=True)
    arrays = [pyarrow.array(own, field.type) for own, field in zip(columns, schema, strict=True)]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def require_arrow() -> tuple[Any, Any]:
    """The modules that write Parquet.

    Raises:
        MissingExtraError: if pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("a graph in Parquet", extra="graph") from error
    return pyarrow, pyarrow.parquet
