"""The columns that an input has to have."""

from __future__ import annotations

from dovetail.bulk.options import BulkOptions
from dovetail.errors import CorpusError


def columns_asked_for(options: BulkOptions) -> list[str]:
    """The columns that an input has to have."""
    return [options.text_column, *filter(None, (options.id_column,)), *options.keep]


def check_columns(names: list[str], options: BulkOptions, address: str) -> None:
    """Make sure that an input has the columns that are asked for.

    Raises:
        CorpusError: naming those that are missing, and those that there are.
    """
    missing = [name for name in columns_asked_for(options) if name not in names]
    if missing:
        raise CorpusError(
            f"{address} has no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, names)) or 'none'}"
        )
