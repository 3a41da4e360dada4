"""The columns of multi-head selection: tags and relations a token a line; only read.

A document begins with ``#doc`` and its name; a line has the number, the token, a BIO tag, a list
of relation types and a list of tail positions.  A relation stands on the last token of its head
and points to the last token of its tail (Bekoulis et al. 2018, arXiv 1804.07847).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, RELATION, SENTENCE
from dovetail.corpora.marking.assembly import Place, SentenceBuilder, UniqueNames
from dovetail.corpora.marking.tag_columns import entities_from_tags
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusFormatError
from dovetail.text.document import Document

_MARK = "#doc"
_NO_RELATION = "N"

Line = tuple[int, str]


@dataclass(slots=True)
class _Block:
    """The lines of a document, and where it begins."""

    id: str
    first_line: int
    lines: list[Line] = field(default_factory=list)


def _read(source: Source) -> list[Document]:
    names = UniqueNames()
    documents = []
    for block in _blocks(source):
        where = f"{source.path}:{block.first_line}"
        with source.faults.guard(DOCUMENT, block.id or where):
            names.add(block.id, where)
            documents.append(_document(source, block, where))
    return documents


def _blocks(source: Source) -> list[_Block]:
    blocks: list[_Block] = []
    for number, line in numbered_lines(source.text()):
        if line.startswith(_MARK):
            blocks.append(_Block(line.removeprefix(_MARK).strip(), number))
        elif line.strip():
            if not blocks:
                blocks.append(_Block("", number))
            blocks[-1].lines.append((number, line))
    return blocks


def _columns(line: Line, source: Source) -> list[str]:
    number, text = line
    columns = text.split("\t")
    if len(columns) != 5 or not columns[1]:
        raise CorpusFormatError(
            f"{source.path}:{number}: expected five columns separated by tabs (number, token, "
            f"tag, relations, positions), found {len(columns)}"
        )
    return columns


def _document(source: Source, block: _Block, where: str) -> Document:
    if not block.lines:
        raise CorpusFormatError(f"{where}: a document without tokens; remove the line")
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    rows = [_columns(line, source) for line in block.lines]
    where = f"{source.path}:{block.lines[0][0]}"
    place = Place(source.tally, block.id or where, where)
    builder = SentenceBuilder(place, [columns[1] for columns in rows])
    by_last = {}
    for start, end, type_ in entities_from_tags([columns[2] for columns in rows], where):
        by_last[end - 1] = builder.add_entity(start, end, type_)
    for position, (columns, (number, _)) in enumerate(zip(rows, block.lines, strict=True)):
        with source.faults.guard(RELATION, place.document_id):
            for type_, tail in _relations(columns, f"{source.path}:{number}"):
                builder.add_relation(by_last.get(position), by_last.get(tail), type_)
    return Document.from_sentence(builder.sentence(id=block.id))


def _relations(columns: Sequence[str], where: str) -> list[tuple[str, int]]:
    """The relations of a line, as types with the positions of their tails."""
    try:
        types, tails = ast.literal_eval(columns[3]), ast.literal_eval(columns[4])
        pairs = list(zip(types, tails, strict=True))
        well_formed = all(
            isinstance(type_, str) and type_ and type(tail) is int for type_, tail in pairs
        )
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
