"""The columns of multi-head selection: tags and relations a token a line; only read.

A document begins with ``#doc`` and its name; a line has the number, the token, a BIO tag, a list
of relation types and a list of tail positions.  A relation stands on the last token of its head
and points to the last token of its tail (Bekoulis et al. 2018, arXiv 1804.07847).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from dovetail.corpora.assembly import Place, SentenceBuilder, UniqueNames
from dovetail.corpora.files import numbered_lines, read_text
from dovetail.corpora.formats import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, SENTENCE
from dovetail.corpora.tags import entities_from_tags
from dovetail.document import Document
from dovetail.errors import CorpusFormatError

_MARK = "#doc"
_NO_RELATION = "N"

Row = tuple[int, list[str]]


def _read(source: Source) -> list[Document]:
    names = UniqueNames()
    documents = []
    id, first_line = "", 1
    rows: list[Row] = []
    for number, line in [*numbered_lines(read_text(source.path)), (0, _MARK)]:
        columns = line.split("\t")
        if line.startswith(_MARK):
            if rows:
                with source.faults.guard(DOCUMENT, id or f"line {first_line}"):
                    names.add(id, f"{source.path}:{first_line}")
                    documents.append(_document(source, id, rows))
            id, first_line, rows = line.removeprefix(_MARK).strip(), number, []
        elif line.strip():
            rows.append((number, columns))
    return documents


def _document(source: Source, id: str, rows: Sequence[Row]) -> Document:
    for number, columns in rows:
        if len(columns) != 5 or not columns[1]:
            raise CorpusFormatError(
                f"{source.path}:{number}: expected five columns separated by tabs (number, token, "
                f"tag, relations, positions), found {len(columns)}"
            )
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    where = f"{source.path}:{rows[0][0]}"
    place = Place(source.tally, id or where, where)
    builder = SentenceBuilder(place, [columns[1] for _, columns in rows])
    by_last = {}
    for start, end, type_ in entities_from_tags([columns[2] for _, columns in rows], where):
        by_last[end - 1] = builder.add_entity(start, end, type_)
    for position, (number, columns) in enumerate(rows):
        for type_, tail in _relations(columns, f"{source.path}:{number}"):
            builder.add_relation(by_last.get(position), by_last.get(tail), type_)
    return Document.from_sentence(builder.sentence(id=id))


def _relations(columns: Sequence[str], where: str) -> list[tuple[str, int]]:
    """The relations of a line, as types with the positions of their tails."""
    try:
        types, tails = ast.literal_eval(columns[3]), ast.literal_eval(columns[4])
        pairs = list(zip(types, tails, strict=True))
        well_formed = all(isinstance(type_, str) and isinstance(tail, int) for type_, tail in pairs)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        well_formed = False
    if not well_formed:
        raise CorpusFormatError(
            f"{where}: expected a list of relation types and one of as many positions, "
            f"found {columns[3][:40]!r} and {columns[4][:40]!r}"
        )
    return [(type_, tail) for type_, tail in pairs if type_ != _NO_RELATION]


def _recognises(sample: Sample) -> bool:
    return bool(sample.lines) and sample.lines[0].startswith(_MARK)


MULTIHEAD = Format(
    "multihead",
    "columns of multi-head selection: five columns, relations as lists",
    _read,
    None,
    _recognises,
    needs="a first line that begins with #doc",
)
