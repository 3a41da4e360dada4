"""CoNLL-style columns: a token a line with its tag, a blank line ends a sentence.

The tags may follow IOB, BIO, BIOES, BMES or BILOU, or be types without a prefix.  Columns hold
entities, and no relations: what is read from them is annotated for entities only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.columns.column_layout import Layout, find_layout, is_header
from dovetail.corpora.ledger import DOCUMENT, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import Place, SentenceBuilder, drop_sentence
from dovetail.corpora.marking.flat import flat_entities
from dovetail.corpora.marking.tag_columns import entities_from_tags, is_tag
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.corpora.writing.writable import leave_out_relations, note_losses, writable_sentences
from dovetail.errors import CorpusError, CorpusFormatError
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, Document, Sentence
from dovetail.text.reading import columns_in

NO_RELATIONS = "columns hold no relations"
UNWRITABLE = "a token or type holds a tab or a line break, or reads as a comment"
_DOCUMENT_START = "-DOCSTART-"
_BYTE_ORDER_MARK = "\ufeff"  # where a file begins it is not read
_GLOBAL_COLUMNS = "# global.columns"
_ALMOST_ALL = 0.9
_HALF = 0.5
_BREAKS = re.compile(r"[\t\r\n]")


def _read(source: Source) -> list[Document]:
    table = _table([*numbered_lines(source.text())])
    rows = [[row for _, row in block] for block in table.sentences]
    wanted = columns_in(source.reading.columns)
    layout = find_layout(rows, source.path, names=table.names, wanted=wanted)
    # Without a column of tags every row is a fault, and says so.
    layout = layout or Layout(0, 1, 2)
    source.tally.note(
        f"columns: tokens of column {layout.token + 1} and tags of column {layout.tag + 1} are "
        f"read, of {layout.columns}",
        layout.columns > 2,
    )
    source.tally.note(
        "tags without a prefix: neighbours of one type are one entity", not layout.is_prefixed
    )
    source.tally.note(
        "tags of another spelling (B_Person, Person-B, or B alone) are read as B-Person",
        layout.spelling is not None,
    )
    source.tally.note("document borders are not read: every sentence is a document", table.borders)
    source.tally.note("comment lines are not read", table.comments)
    documents = []
    for block in table.sentences:
        number = block[0][0]
        with source.faults.guard(DOCUMENT, f"line {number}"):
            documents.append(_document(source, block, layout))
    if not documents and not source.faults.found:
        raise CorpusFormatError(f"{source.path} has no sentence; expected tokens and tags")
    return documents


@dataclass(slots=True)
class _Table:
    """The rows of a file by sentence, with the numbers of their lines, and what is between."""

    sentences: list[list[tuple[int, list[str]]]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    borders: int = 0
    comments: int = 0


def _table(lines: Sequence[tuple[int, str]]) -> _Table:
    table = _Table()
    usual = Counter(len(_columns(line)) for _, line in lines if line.strip(" \t"))
    is_open = False
    for number, line in lines:
        if not line.strip(" \t"):
            is_open = False
            continue
        columns = _columns(line)
        if columns[0] == _DOCUMENT_START:
            table.borders += 1
        elif line.startswith("#") and not _is_token(columns, usual):
            table.comments += 1
            if line.startswith(_GLOBAL_COLUMNS):
                table.names = line.partition("=")[2].split()
        elif not table.sentences and is_header(columns):
            table.names = columns
        else:
            if not is_open:
                table.sentences.append([])
            table.sentences[-1].append((number, columns))
            is_open = True
    return table


def _is_token(columns: Sequence[str], usual: Counter[int]) -> bool:
    """Whether a line that begins with a hash is a row: the hash may be a token."""
    is_row = any(is_tag(cell) for cell in columns[1:])
    return is_row and len(columns) == max(usual, key=lambda count: (usual[count], count))


def _columns(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else re.split(" +", line.strip(" "))


def _document(source: Source, block: Sequence[tuple[int, list[str]]], layout: Layout) -> Document:
    tokens, tags = [], []
    for number, row in block:
        cells = layout.cells(row)
        if cells is None:
            raise CorpusFormatError(
                f"{source.path}:{number}: expected a token and, in {_place(layout)}, a tag as 'O' "
                f"or 'B-Person'; found {' '.join(row)[:60]!r}"
            )
        tokens.append(cells[0])
        tags.append(cells[1])
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    first = block[0][0]
    where = f"{source.path}:{first}"
    builder = SentenceBuilder(Place(source.tally, f"line {first}", where), tokens)
    for start, end, type_ in entities_from_tags(tags, where):
        builder.add_entity(start, end, type_)
    return Document.from_sentence(builder.sentence(annotated=[ENTITY_TASK]))


def _place(layout: Layout) -> str:
    last = layout.tag == layout.columns - 1
    return "the last column" if last else f"column {layout.tag + 1} of {layout.columns}"


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally, keeps_annotated=True)
    blocks = []
    for document in documents:
        held = [item for item in document.sentences if _is_writable(document, item, tally)]
        rest = Document(document.id, document.text, tuple(held))
        if document.sentences and not held:
            tally.drop(Drop(document.id, DOCUMENT, UNWRITABLE))
            continue
        for _, sentence in writable_sentences([rest], tally):
            leave_out_relations(document.id, sentence, NO_RELATIONS, tally)
            blocks.append(_block(document.id, sentence, tally))
    write_text(path, "\n".join(blocks))


def _is_writable(document: Document, sentence: Sentence, tally: Tally) -> bool:
    texts = [*sentence.tokens, *(entity.type for entity in sentence.entities)]
    spoiled = any(_BREAKS.search(text) for text in texts)
    spoiled = spoiled or _DOCUMENT_START in sentence.tokens
    spoiled = spoiled or "".join(sentence.tokens[:1]).startswith(_BYTE_ORDER_MARK)
    spoiled = spoiled or any(token and not token.strip(" ") for token in sentence.tokens)
    if spoiled:
        drop_sentence(tally, document.id, sentence, UNWRITABLE)
    return not spoiled


def _block(document_id: str, sentence: Sentence, tally: Tally) -> str:
    """The lines of a sentence, in BIO."""
    tags = ["O"] * len(sentence.tokens)
    for entity in flat_entities(document_id, sentence, tally):
        tags[entity.start] = f"B-{entity.type}"
        for position in range(entity.start + 1, entity.end):
            tags[position] = f"I-{entity.type}"
    rows = zip(sentence.tokens, tags, strict=True)
    return "".join(f"{token}\t{tag}\n" for token, tag in rows)


def _recognises(sample: Sample) -> bool:
    table = _table([*enumerate(sample.lines, start=1)])
    rows = [[row for _, row in block] for block in table.sentences]
    sizes = Counter(len(row) for block in rows for row in block)
    if not sizes or sample.lines[0].startswith("<"):  # XML, in lines of any length
        return False
    try:
        layout = find_layout(rows, sample.path, names=table.names)
    except CorpusError:  # several readings: the reader asks, if these are columns at all
        return sizes.total() > 1 and max(sizes.values()) >= _ALMOST_ALL * sizes.total()
    if layout is None:
        return False
    whole = [layout.cells(row) is not None for block in rows for row in block]
    # Tags of a scheme are in no other file, so that more of the rows may be broken.
    return sum(whole) >= (_HALF if layout.is_prefixed else _ALMOST_ALL) * len(whole)


COLUMNS = Format(
    "columns",
    "CoNLL-style columns: a token and its tag a line; entities only",
    _read,
    _write,
    _recognises,
    needs="a token a line with its tag in a column, as 'O' or 'B-Person'",
)
