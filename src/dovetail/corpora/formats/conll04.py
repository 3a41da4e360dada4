"""The original file of CoNLL04, ``corp.tsv``, of Roth and Yih (2004).

A row is a word or a whole entity, whose words are joined by ``/``; relations follow the rows of a
sentence after a blank line, as two row numbers and a type.  Brackets and commas are spelt out.  A
sentence without relations carries entity labels only: it was never annotated for relations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import Place, SentenceBuilder, UniqueNames, drop_sentence
from dovetail.corpora.marking.flat import flat_entities
from dovetail.corpora.source.json_records import check_type
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.corpora.writing.writable import is_writable, note_losses, writable_sentences
from dovetail.errors import CorpusFormatError
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, TASKS, Document, Entity, Sentence

UNWRITABLE = "its words or types cannot be told apart in a file with tabs and slashes"
_NOT_FLAT = "an argument overlaps another entity and was dropped"
_COLUMNS = 9
_SPELT = {"COMMA": ",", "-LRB-": "(", "-RRB-": ")"}
_OUTSIDE = "O"


Row = tuple[int, list[str]]


@dataclass(slots=True)
class _Block:
    """The rows of a sentence and the relations behind them, with their line numbers."""

    rows: list[Row]
    relations: list[Row] = field(default_factory=list)


def _read(source: Source) -> list[Document]:
    names = UniqueNames()
    documents = []
    for block in _blocks(source):
        id = block.rows[0][1][0]
        where = f"{source.path}:{block.rows[0][0]}"
        with source.faults.guard(DOCUMENT, id or where):
            names.add(id, where)
            documents.append(Document.from_sentence(_sentence(source, block, id)))
    if not documents and not source.faults.found:
        raise CorpusFormatError(f"{source.path} has no sentence; expected rows of nine columns")
    return documents


def _blocks(source: Source) -> list[_Block]:
    """The sentences; a line of a wrong length is a row where it follows one, else a relation."""
    blocks: list[_Block] = []
    in_rows = False
    for number, line in numbered_lines(source.text()):
        columns = line.split("\t")
        if not line.strip():
            in_rows = False
            continue
        if len(columns) == _COLUMNS:
            starts = not blocks or blocks[-1].relations or blocks[-1].rows[-1][1][0] != columns[0]
            in_rows = True
            if starts:
                blocks.append(_Block([]))
        elif not blocks:
            with source.faults.guard("line", source.path.name):
                raise _wrong_columns(columns, f"{source.path}:{number}")
            continue
        (blocks[-1].rows if in_rows else blocks[-1].relations).append((number, columns))
    return blocks


def _wrong_columns(columns: list[str], where: str) -> CorpusFormatError:
    return CorpusFormatError(
        f"{where}: expected {_COLUMNS} columns of a word, or 3 of a relation after the words and a "
        f"blank line, separated by tabs; found {len(columns)}"
    )


def _sentence(source: Source, block: _Block, id: str) -> Sentence:
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    for position, (number, columns) in enumerate(block.rows):
        _check_row(columns, position, f"{source.path}:{number}")
    words = [_words(columns[5], columns[4]) for _, columns in block.rows]
    place = Place(source.tally, id, f"{source.path}:{block.rows[0][0]}")
    builder = SentenceBuilder(place, [word for row in words for word in row])
    entities: list[Entity | None] = []
    start = 0
    for row, (_, columns) in zip(words, block.rows, strict=True):
        end = start + len(row)
        type_ = columns[1]
        entities.append(None if type_ == _OUTSIDE else builder.add_entity(start, end, type_))
        start = end
    for number, columns in block.relations:
        with source.faults.guard(RELATION, id):
            head, tail, type_ = _relation(columns, entities, f"{source.path}:{number}")
            builder.add_relation(head, tail, type_)
    annotated = TASKS if block.relations else (ENTITY_TASK,)
    return builder.sentence(id=id, annotated=annotated)


def _check_row(columns: list[str], position: int, where: str) -> None:
    if len(columns) != _COLUMNS:
        raise _wrong_columns(columns, where)
    if not columns[5] or not columns[1]:
        raise CorpusFormatError(f"{where}: an empty token or type; fill the column")
    if columns[2] != str(position):
        raise CorpusFormatError(
            f"{where}: expected row {position} of the sentence, found {columns[2][:40]!r}; "
            f"relations refer to these numbers, so none may be missing"
        )


def _relation(
    columns: list[str], entities: list[Entity | None], where: str
) -> tuple[Entity | None, Entity | None, str]:
    if len(columns) != 3:
        raise _wrong_columns(columns, where)
    head, tail = (entities[_row(text, len(entities), where)] for text in columns[:2])
    return head, tail, check_type(columns[2], f"{where}: the type of a relation")


def _words(joined: str, parts_of_speech: str) -> list[str]:
    """The words of a row: a slash joins words, unless the row has one part of speech only."""
    words = [joined]
    if "/" in parts_of_speech:
        words = [word for word in joined.split("/") if word] or [joined]
    return [_SPELT.get(word, word) for word in words]


def _row(text: str, rows: int, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < rows):
        raise CorpusFormatError(
            f"{where}: a relation refers to row {text!r} of a sentence with {rows} rows, "
            f"counted from 0; correct the number"
        )
    return int(text)


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally, keeps_annotated=True)
    blocks: list[str] = []
    for document, sentence in writable_sentences(documents, tally, is_writable=_is_writable):
        stays = frozenset(TASKS if sentence.relations else (ENTITY_TASK,))
        tally.note(
            f"sentence: it reads back as annotated for {' and '.join(sorted(stays))}",
            sentence.annotated != stays,
        )
        blocks.append(_block(document.id, sentence, len(blocks), tally))
    write_text(path, "\n".join(blocks))


def _is_writable(document: Document, sentence: Sentence, tally: Tally) -> bool:
    if not is_writable(document, sentence, tally):
        return False
    types = [entity.type for entity in sentence.entities]
    types.extend(relation.type for relation in sentence.relations)
    broken = any(set("\t\r\n") & set(text) for text in (*sentence.tokens, *types))
    inside = {
        position
        for item in sentence.entities
        if item.end - item.start > 1
        for position in range(*item.span)
    }
    ambiguous = any("/" in sentence.tokens[position] for position in inside)
    ambiguous = ambiguous or any(word in _SPELT for word in sentence.tokens)
    if broken or ambiguous or _OUTSIDE in types:
        drop_sentence(tally, document.id, sentence, UNWRITABLE)
        return False
    return True


def _block(document_id: str, sentence: Sentence, number: int, tally: Tally) -> str:
    spelt = {word: spelling for spelling, word in _SPELT.items()}
    by_start = {item.start: item for item in flat_entities(document_id, sentence, tally)}
    row_of: dict[Entity, int] = {}
    lines: list[str] = []
    position = 0
    while position < len(sentence.tokens):
        entity = by_start.get(position)
        end = entity.end if entity else position + 1
        if entity:
            row_of[entity] = len(lines)
        word = "/".join(spelt.get(token, token) for token in sentence.tokens[position:end])
        tag = "/".join(["X"] * (end - position))
        type_ = entity.type if entity else _OUTSIDE
        lines.append(f"{number}\t{type_}\t{len(lines)}\tO\t{tag}\t{word}\tO\tO\tO\n")
        position = end
    lines.append("\n")
    for relation in sentence.sorted_relations:
        if relation.head in row_of and relation.tail in row_of:
            tally.keep(RELATION)
            lines.append(f"{row_of[relation.head]}\t{row_of[relation.tail]}\t{relation.type}\n")
        else:
            start = min(relation.head.start, relation.tail.start)
            end = max(relation.head.end, relation.tail.end)
            tally.drop(Drop(document_id, RELATION, _NOT_FLAT, start, end, type=relation.type))
    return "".join(lines)


def _recognises(sample: Sample) -> bool:
    rows = [line.split("\t") for line in sample.lines if line.strip()]
    words = [row for row in rows if len(row) == _COLUMNS]
    return bool(words) and all(row[0].isdigit() and row[2].isdigit() for row in words)


CONLL04 = Format(
    "conll04",
    "the original corp.tsv of CoNLL04: nine columns, relations after each sentence",
    _read,
    _write,
    _recognises,
    needs="rows of nine columns separated by tabs, the first and the third numbers",
)
