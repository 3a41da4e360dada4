"""Rows of plain values as files: CSV and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dovetail.errors import MissingExtraError
from dovetail.files.writing import open_atomically, replaced

Row = dict[str, Any]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with a line of headings; nothing is written as an empty cell."""
    with open_atomically(path) as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as Parquet, with a type for each column.

    Raises:
        MissingExtraError: without pyarrow.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("a Parquet table", extra="experiments") from None
    with replaced(path) as unfinished:
        parquet.write_table(pyarrow.Table.from_pylist(list(rows)), unfinished)
