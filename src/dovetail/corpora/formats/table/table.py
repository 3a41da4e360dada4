"""Tables in long form, with a header: a row a token, or a row an entity, as data frames are.

Columns are found by their names, of which each has a few.  A table of tokens has a sentence, a
token and a tag; one of entities has a text (and an id) of the document, start, end and type.  An
empty sentence, id or text is that of the row above.  Neither form holds relations.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.table.table_writer import write_entities, write_tokens
from dovetail.corpora.ledger import DOCUMENT, ENTITY, SENTENCE
from dovetail.corpora.marking.assembly import Place, SentenceBuilder
from dovetail.corpora.marking.marked_text import CharacterEntity, MarkedText
from dovetail.corpora.marking.tag_columns import entities_from_tags
from dovetail.corpora.source.json_records import check_tokens
from dovetail.errors import CorpusFormatError
from dovetail.text.document import ENTITY_TASK, Document

_NUMBER = re.compile(r"[0-9]{1,12}")
_DELIMITERS = ",\t;"


@dataclass(frozen=True, slots=True)
class Row:
    """A row by the names of its columns, in small letters, and its place."""

    cells: Mapping[str, str]
    where: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a form has: what it is, the names that it goes by, and whether it must be."""

    what: str
    names: tuple[str, ...]
    required: bool = True

    def found(self, header: Iterable[str]) -> list[str]:
        return [name for name in header if name in self.names]


_DOCUMENT = ("document_id", "doc_id", "document", "doc", "text_id")
_TOKEN_FORM = (
    Column("document", _DOCUMENT, required=False),
    Column(
        "sentence", ("sentence_id", "sentence #", "sentence", "sent_id", "sentence_idx", "sent")
    ),
    Column("token", ("token", "word", "words", "tokens")),
    Column("tag", ("tag", "tags", "ner_tag", "ner_tags", "ner", "label", "labels", "bio", "iob")),
)
_ENTITY_FORM = (
    Column("document", (*_DOCUMENT, "id"), required=False),
    Column("text", ("text", "document_text")),
    Column("start", ("start", "start_char", "start_offset", "begin")),
    Column("end", ("end", "end_char", "end_offset", "stop")),
    Column("type", ("type", "entity_type", "label", "tag", "entity_label")),
    Column("mention", ("mention", "surface", "entity", "entity_text", "span"), required=False),
)


def _fits(header: Sequence[str], form: Sequence[Column], *, without: str = "") -> bool:
    """Whether a header has all that a form needs, one column perhaps left out."""
    needed = (column for column in form if column.required and column.what != without)
    return all(column.found(header) for column in needed)


def is_token_table(header: Sequence[str]) -> bool:
    """Whether the names of columns, in small letters, are those of a table of tokens."""
    return _fits(header, _TOKEN_FORM)


def is_entity_table(header: Sequence[str]) -> bool:
    """Whether the names of columns, in small letters, are those of a table of entities."""
    return _fits(header, _ENTITY_FORM, without="text") and not is_token_table(header)


def _chosen(header: Sequence[str], form: Sequence[Column], source: Source) -> dict[str, str]:
    """The name that each column of a form has.

    Raises:
        CorpusFormatError: if one is missing, or may be either of two.
    """
    names = {}
    for column in form:
        found = column.found(header)
        if len(found) > 1 or (column.required and not found):
            expected = f"one column for the {column.what}, as {column.names[0]!r}"
            raise CorpusFormatError(
                f"{source.path}:1: expected {expected}, found "
                f"{' and '.join(map(repr, found)) or 'none'} among {', '.join(header)}; "
                f"{'rename or remove the others' if found else 'add or rename it'}"
            )
        if found:
            names[column.what] = found[0]
    for name in header:
        source.tally.note(f"column {name!r} is not read", name not in names.values() and bool(name))
    return names


def documents_of_tokens(
    rows: Iterable[Row], header: Sequence[str], source: Source
) -> list[Document]:
    """Read a table of tokens: each sentence is a document."""
    names = _chosen(header, _TOKEN_FORM, source)
    first: dict[str, str] = {}
    documents = []
    keys = [names[what] for what in ("document", "sentence") if what in names]
    for key, group in groupby(_filled(rows, keys), lambda row: tuple(map(row.cells.get, keys))):
        listed, id = list(group), "-".join(map(str, key))
        with source.faults.guard(DOCUMENT, id):
            _check_together(id, listed[0].where, first)
            documents.append(_sentence(id, listed, names, source))
    return documents


def _filled(rows: Iterable[Row], names: Sequence[str]) -> Iterator[Row]:
    """The rows, with cells that are empty because they are those of the row above."""
    above: dict[str, str] = {}
    for row in rows:
        own = {name: row.cells[name] for name in names if row.cells[name]}
        if names and names[0] in own and own[names[0]] != above.get(names[0]):
            above = {}  # what a new document leaves empty is not that of the old one
        above = {**above, **own}
        yield Row({**row.cells, **{name: above.get(name, "") for name in names}}, row.where)


def _check_together(name: str, where: str, first: dict[str, str]) -> None:
    """Refuse rows of one name that stand apart: they may be two that were not told apart."""
    known = first.setdefault(name, where)
    if known is not where:
        raise CorpusFormatError(
            f"{where}: {name[:60]!r} is the name of rows from {known.rpartition('/')[2]} on; put "
            f"the rows together, or give each its own name"
        )


def _sentence(id: str, rows: Sequence[Row], names: Mapping[str, str], source: Source) -> Document:
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    where = rows[0].where
    tokens = check_tokens(
        [row.cells[names["token"]] for row in rows], f"{where}: {names['token']!r}"
    )
    builder = SentenceBuilder(Place(source.tally, id, where), tokens)
    tags = [row.cells[names["tag"]] for row in rows]
    for start, end, type_ in entities_from_tags(tags, where):
        builder.add_entity(start, end, type_)
    return Document.from_sentence(builder.sentence(id=id, annotated=[ENTITY_TASK]))


def texts_of_entities(
    rows: Iterable[Row], header: Sequence[str], source: Source
) -> list[MarkedText]:
    """Read a table of entities; a row without start, end and type is a document without any."""
    names = _chosen(header, _ENTITY_FORM, source)
    first: dict[str, str] = {}
    texts = []
    keys = [names[what] for what in ("document", "text") if what in names]
    for key, group in groupby(_filled(rows, keys), lambda row: row.cells[keys[0]]):
        listed = list(group)
        where = listed[0].where
        id = key if "document" in names else ""
        with source.faults.guard(DOCUMENT, id or where):
            _check_together(key, where, first)
            text = listed[0].cells[names["text"]]
            if not text or any(row.cells[names["text"]] != text for row in listed):
                raise CorpusFormatError(
                    f"{where}: expected the text of the document in {names['text']!r}, the same in "
                    f"all rows of it (or empty behind the first), found "
                    f"{'several' if text else 'none'}"
                )
            entities = list(_entities(listed, names, source, id or where))
            tasks = frozenset([ENTITY_TASK])
            texts.append(MarkedText(id, text, entities, (), where, tasks))
    return texts


def _entities(
    rows: Iterable[Row], names: Mapping[str, str], source: Source, document_id: str
) -> Iterator[CharacterEntity]:
    for row in rows:
        start, end, type_ = (row.cells[names[what]] for what in ("start", "end", "type"))
        if not (start or end or type_):
            continue
        entity = None
        with source.faults.guard(ENTITY, document_id):
            if not (_NUMBER.fullmatch(start) and _NUMBER.fullmatch(end) and type_):
                raise CorpusFormatError(
                    f"{row.where}: expected whole numbers as start and end, and a type, found "
                    f"{start[:20]!r}, {end[:20]!r} and {type_[:40]!r}"
                )
            surface = row.cells[names["mention"]] if "mention" in names else ""
            entity = CharacterEntity(
                int(start), int(end), type_, row.where, surface=surface or None
            )
        if entity is not None:
            yield entity


def rows_of_text(text: str, path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file, the header first; its delimiter is the most frequent one there.

    Raises:
        CorpusFormatError: if a quotation mark is not closed, or stands where none may.
    """
    header = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=header.count)
    limit = csv.field_size_limit(len(text) + 1)  # the text of a document may be long
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as error:
        raise CorpusFormatError(
            f"{path}:{reader.line_num}: malformed CSV ({error}); write it with a CSV library"
        ) from error
    finally:
        csv.field_size_limit(limit)


def _table(source: Source) -> tuple[list[str], list[Row]]:
    """The header in small letters, and the rows."""
    path = source.path
    header: list[str] = []
    rows = []
    for number, cells in enumerate(rows_of_text(source.text(), path)):
        if not header:
            header = [name.strip().lower() for name in cells]
        elif cells:
            where = f"{path}: row {number}"
            with source.faults.guard("row", where.rsplit("/", 1)[-1]):
                if len(cells) != len(header):
                    raise CorpusFormatError(
                        f"{where}: expected {len(header)} cells, as in the header, found "
                        f"{len(cells)}; quote what holds a delimiter"
                    )
                rows.append(Row(dict(zip(header, cells, strict=True)), where))
    if not rows and not source.faults.found:
        raise CorpusFormatError(f"{path} has a header and no row; expected a corpus")
    return header, rows


def _read_tokens(source: Source) -> list[Document]:
    header, rows = _table(source)
    return documents_of_tokens(rows, header, source)


def _read_entities(source: Source) -> list[MarkedText]:
    header, rows = _table(source)
    return texts_of_entities(rows, header, source)


def _header(sample: Sample) -> list[str]:
    first = next((line for line in sample.lines if line.strip()), "")
    try:
        cells = next(rows_of_text(first, sample.path), [])
    except CorpusFormatError:
        return []
    return [name.strip().lower() for name in cells]


TOKEN_TABLE = Format(
    "token-table",
    "CSV with a row a token: sentence_id, token, tag; entities only",
    _read_tokens,
    write_tokens,
    lambda sample: is_token_table(_header(sample)),
    needs="a header with sentence_id, token and tag",
)
ENTITY_TABLE = Format(
    "entity-table",
    "CSV with a row an entity: document_id, text, start, end, type; entities only",
    _read_entities,
    write_entities,
    lambda sample: is_entity_table(_header(sample)),
    needs="a header with text, start, end and type",
)
