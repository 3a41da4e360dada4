"""The rows of Parquet as JSON, of the columns that are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dovetail.bulk.addresses import Input, system_of
from dovetail.bulk.columns import check_columns
from dovetail.bulk.options import BulkOptions
from dovetail.errors import MissingExtraError

if TYPE_CHECKING:
    from dovetail.bulk.records import Digest, Place, Record

_ROWS = 256
"""Rows that are in memory at once, beside what the library reads ahead."""


def rows_of(source: Input, options: BulkOptions, place: Place, digest: Digest) -> Iterator[Record]:
    """The rows of a file from one on; the groups of rows before it are not read.

    Raises:
        CorpusError: if it lacks a column.
        ValueError: if it is no Parquet, or damaged.
    """
    from dovetail.bulk.records import Place, Record

    parquet = _parquet()
    system, path = system_of(source.address)
    with system.open(path, "rb") as raw, parquet.ParquetFile(raw) as file:
        names = file.schema_arrow.names
        check_columns(names, options, source.address)
        wanted = [options.text_column, options.id_column or "id", *options.keep]
        columns = [name for name in names if name in wanted]
        first, groups = _groups_from(file.metadata, place.position)
        skipped = place.position - first
        row = place.position
        for batch in file.iter_batches(_ROWS, row_groups=groups, columns=columns):
            if skipped >= batch.num_rows:
                skipped -= batch.num_rows
                continue
            for values in batch.slice(skipped).to_pylist():
                content = json.dumps(values, default=_text_of).encode()
                digest.update(content + b"\n")
                row += 1
                kept = content if len(content) <= options.most_bytes else None
                yield Record(row, kept, len(content), Place(row, row + 1))
            skipped = 0


def _groups_from(metadata: Any, row: int) -> tuple[int, list[int]]:
    """The first row of the group that a row is in, and that group and those behind it."""
    first = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if row < first + rows:
            return first, list(range(group, metadata.num_row_groups))
        first += rows
    return first, []


def rows_in_largest_group(source: Input) -> int:
    """How many rows may have to be read to get to one.

    Raises:
        ValueError: as `rows_of`.
    """
    parquet = _parquet()
    system, path = system_of(source.address)
    with system.open(path, "rb") as raw, parquet.ParquetFile(raw) as file:
        groups = range(file.metadata.num_row_groups)
        return max((file.metadata.row_group(group).num_rows for group in groups), default=0)


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("bulk extraction", extra="bulk") from None
    return parquet


def _text_of(value: object) -> str:
    """What JSON cannot hold: bytes as the text that they may be, and times as they are written."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
