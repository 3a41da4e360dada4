"""Tables in long form, the writer: rows of tokens or of entities, and CSV files of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dovetail.corpora.formats.token_classification import rows_of
from dovetail.corpora.ledger import DOCUMENT, Drop, Tally
from dovetail.corpora.marking.assembly import drop_relation
from dovetail.corpora.writing.standoff import standoff_of, unique_names
from dovetail.files.writing import write_text
from dovetail.text.document import Document

TOKEN_COLUMNS = ("sentence_id", "token", "tag")
ENTITY_COLUMNS = ("document_id", "text", "start", "end", "type", "mention")
NO_RELATIONS = "a row for each entity holds no relations"
NO_TEXT = "its text is empty"
NO_TYPE = "its type is empty"


def token_rows(documents: Sequence[Document], tally: Tally) -> Iterator[dict[str, Any]]:
    """A row for each token, in BIO."""
    sentences = list(rows_of(documents, tally))
    names = unique_names([id for id, _, _ in sentences], tally, bool, kind="sentence")
    for name, (_, tokens, tags) in zip(names, sentences, strict=True):
        for row in zip(tokens, tags, strict=True):
            yield dict(zip(TOKEN_COLUMNS, (name, *row), strict=True))


def entity_rows(documents: Sequence[Document], tally: Tally) -> Iterator[dict[str, Any]]:
    """A row for each entity, the text in the first of a document; one row where there is none."""
    ids = [document.id for document in documents]
    for name, document in zip(unique_names(ids, tally, bool), documents, strict=True):
        if not document.text:
            tally.drop(Drop(document.id, DOCUMENT, NO_TEXT))
            continue
        for sentence in document.sentences:
            for relation in sentence.sorted_relations:
                drop_relation(tally, document.id, relation, NO_RELATIONS)
        bare = tuple(replace(item, relations=frozenset()) for item in document.sentences)
        found = standoff_of(replace(document, sentences=bare), tally, _why_not)
        text = document.text
        rows: list[tuple[Any, ...]] = [
            (item.start, item.end, item.type, text[item.start : item.end])
            for item in found.mentions
        ]
        for number, row in enumerate(rows or [(None, None, None, None)]):
            values = (name, None if number else text, *row)
            yield dict(zip(ENTITY_COLUMNS, values, strict=True))


def _why_not(type_: str) -> str:
    return "" if type_ else NO_TYPE


def write_tokens(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write a CSV file with a row for each token."""
    _write(list(token_rows(documents, tally)), TOKEN_COLUMNS, path)


def write_entities(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write a CSV file with a row for each entity."""
    _write(list(entity_rows(documents, tally)), ENTITY_COLUMNS, path)


def _write(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], path: Path) -> None:
    content = io.StringIO(newline="")
    # Both characters of the line end are quoted in cells, whichever a reader takes for one.
    writer = csv.DictWriter(content, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, content.getvalue())
