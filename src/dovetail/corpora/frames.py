"""Data frames to corpora and back, whichever library they come from; none is imported here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from dovetail.corpora.corpus import DEFAULT, Corpus, corpus_of
from dovetail.corpora.format import Source
from dovetail.corpora.formats.table.table import (
    ENTITY_TABLE,
    TOKEN_TABLE,
    Row,
    documents_of_tokens,
    is_entity_table,
    is_token_table,
    texts_of_entities,
)
from dovetail.corpora.formats.table.table_writer import entity_rows, token_rows
from dovetail.corpora.ledger import Tally
from dovetail.corpora.source.json_records import check_characters
from dovetail.corpora.writing.writable import without_unaligned
from dovetail.errors import CorpusError
from dovetail.text.document import Document
from dovetail.text.reading import Reading

_NAME = Path("rows")


def corpus_from_rows(rows: Any, *, reading: Reading = DEFAULT) -> Corpus:
    """Read a table in long form, a row a token or a row an entity, out of memory.

    The names of the columns are those of the formats ``token-table`` and ``entity-table``.

    Args:
        rows: mappings by column, or a table of pandas, polars or pyarrow.
        reading: how raw text is cut, and what becomes of what is broken.

    Raises:
        TypeError: if it is none of these.
        CorpusError: if the columns are those of neither form, or there is no row.
        CorpusFormatError: if a row is broken, with all faults that were found.
    """
    listed = _mappings(rows)
    if not listed:
        raise CorpusError("there are no rows; expected a corpus")
    header = [str(name).strip().lower() for name in listed[0]]
    source = Source(_NAME, reading)
    found = [_row(row, f"{_NAME}: row {number}") for number, row in enumerate(listed)]
    for row in found:
        if set(row.cells) != set(header):
            raise CorpusError(f"{row.where}: expected the columns {header}, found {[*row.cells]}")
    if is_token_table(header):
        read: Sequence[Any] = documents_of_tokens(found, header, source)
        return corpus_of(read, source, TOKEN_TABLE.name)
    if is_entity_table(header):
        return corpus_of(texts_of_entities(found, header, source), source, ENTITY_TABLE.name)
    raise CorpusError(
        f"expected the columns sentence_id, token and tag, or text, start, end and type; found "
        f"{', '.join(header)}: rename them"
    )


def rows_from_documents(
    documents: Iterable[Document],
    form: Literal["tokens", "entities"] = "tokens",
    *,
    tally: Tally | None = None,
) -> list[dict[str, Any]]:
    """Documents as a table in long form: ``pandas.DataFrame(rows_from_documents(documents))``.

    Args:
        documents: what is to be shown; relations are not.
        form: a row for each token, or for each entity.
        tally: where what the form cannot hold is counted, if that is wanted.
    """
    account = tally or Tally()
    listed = tuple(documents)
    account.read_documents(listed)
    held = [without_unaligned(document, account) for document in listed]
    return list((token_rows if form == "tokens" else entity_rows)(held, account))


def _mappings(rows: Any) -> list[Mapping[Any, Any]]:
    """The rows as mappings, however a library calls what gives them."""
    if hasattr(rows, "to_pylist"):  # pyarrow
        rows = rows.to_pylist()
    elif hasattr(rows, "to_dicts"):  # polars
        rows = rows.to_dicts()
    elif hasattr(rows, "to_dict"):  # pandas
        rows = rows.to_dict("records")
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise TypeError(
            f"expected rows as mappings, or a table of pandas, polars or pyarrow, found "
            f"{type(rows).__name__}"
        )
    listed = list(rows)
    for number, row in enumerate(listed):
        if not isinstance(row, Mapping):
            raise TypeError(f"row {number}: expected a mapping, found {type(row).__name__}")
    return listed


def _row(row: Mapping[Any, Any], where: str) -> Row:
    cells = {str(name).strip().lower(): _cell(value, where) for name, value in row.items()}
    return Row(cells, where)


def _cell(value: Any, where: str) -> str:
    """A value as a CSV file would have it; what is missing is empty."""
    if value is None or value != value:  # only what is not a number differs from itself
        return ""
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        return str(int(value))  # a column of whole numbers with gaps
    return check_characters(str(value), where)
