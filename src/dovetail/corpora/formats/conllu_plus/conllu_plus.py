"""CoNLL-U Plus with entity tags and relations, as Flair reads and writes it.

The first line names the columns, as ``# global.columns = id form ner``.  A sentence has comments
(``# text = …``, ``# sentence_id = …``, ``# relations = 1;1;3;4;Live_In|…``), then a token a line.
Relations name the first and the last token of head and tail, counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.conllu_plus.conllu_plus_writer import write
from dovetail.corpora.ledger import DOCUMENT, RELATION, Drop
from dovetail.corpora.marking.assembly import NOT_AN_ENTITY, RepeatedNames
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedSentence,
    MarkedText,
    Span,
)
from dovetail.corpora.marking.tag_columns import entities_from_tags
from dovetail.corpora.marking.token_text import TokenText
from dovetail.corpora.source.json_records import check_type
from dovetail.corpora.source.text_files import numbered_lines
from dovetail.errors import CorpusFormatError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK

_HEADER = re.compile(r"#\s*global\.columns\s*=\s*(.*)")
_COMMENT = re.compile(r"#\s*(\S+)\s*= ?(.*)")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_NOT_A_WORD = re.compile(r"[0-9]+[-.][0-9]+")
_NAMES = ("sentence_id", "sent_id")
_EMPTY = "_"

Line = tuple[int, str]


@dataclass(slots=True)
class _Block:
    """The lines of a sentence: what its comments say, and its rows."""

    first_line: int
    comments: dict[str, tuple[int, str]] = field(default_factory=dict)
    rows: list[Line] = field(default_factory=list)

    @property
    def id(self) -> str:
        return next((self.comments[name][1] for name in _NAMES if name in self.comments), "")


@dataclass(frozen=True, slots=True)
class _Reader:
    source: Source
    columns: Sequence[str]
    names: RepeatedNames

    def read(self, block: _Block) -> MarkedText:
        where = f"{self.source.path}:{block.rows[0][0]}"
        self.names.add(block.id, self.source.tally)
        rows = [row for line in block.rows if (row := self.row(line)) is not None]
        if not rows:
            raise CorpusFormatError(f"{where}: a sentence without words; remove it")
        form = self.columns.index("form")
        text, offsets = self.text(block, [row[form] for row in rows])
        entities: list[CharacterEntity] = []
        borders: dict[tuple[int, int], int] = {}
        has_tags = "ner" in self.columns
        tags = [row[self.columns.index("ner")] for row in rows] if has_tags else []
        tags = ["O" if tag == _EMPTY else tag for tag in tags]
        for start, end, type_ in entities_from_tags(tags, where):
            borders[start, end] = len(entities)
            span = offsets[start][0], offsets[end - 1][1]
            entities.append(CharacterEntity(*span, type_, where))
        relations = self.relations(block, borders, len(rows))
        annotated = frozenset([ENTITY_TASK] if has_tags else [])
        own = [MarkedSentence(offsets, block.id, annotated)]
        return MarkedText(block.id, text, entities, relations, where, annotated, own, "codepoints")

    def row(self, line: Line) -> list[str] | None:
        """The columns of a word; None for what is no word of its own."""
        number, content = line
        columns = content.split("\t")
        if "id" in self.columns and _NOT_A_WORD.fullmatch(columns[self.columns.index("id")]):
            self.source.tally.note("lines of multiword tokens and empty nodes are not read")
            return None
        if len(columns) != len(self.columns) or not columns[self.columns.index("form")]:
            raise CorpusFormatError(
                f"{self.source.path}:{number}: expected the columns {' '.join(self.columns)} "
                f"separated by tabs, found {len(columns)}: {content[:60]!r}"
            )
        return columns

    def text(self, block: _Block, tokens: list[str]) -> tuple[str, Sequence[Span]]:
        """The text of a sentence, and where its tokens stand in it."""
        joined = TokenText([tokens])
        text = block.comments.get("text", (0, joined.text))[1]
        offsets: list[Span] = []
        end = 0
        for token in tokens:
            start = text.find(token, end)
            if start < 0 or text[end:start].strip():
                self.source.tally.note("sentence: its text is not that of its tokens, so not read")
                return joined.text, joined.offsets[0]
            end = start + len(token)
            offsets.append((start, end))
        return text, offsets

    def relations(
        self, block: _Block, entities: dict[tuple[int, int], int], tokens: int
    ) -> list[IndexedRelation]:
        number, listed = block.comments.get("relations", (0, ""))
        where = f"{self.source.path}:{number}"
        name = block.id or f"line {block.rows[0][0]}"
        relations = []
        for item in listed.split("|") if listed.strip() else []:
            with self.source.faults.guard(RELATION, name):
                borders, type_ = _relation(item, tokens, where)
                head, tail = entities.get(borders[:2]), entities.get(borders[2:])
                if head is None or tail is None:
                    self.source.tally.read(RELATION)
                    self.source.tally.drop(Drop(name, RELATION, NOT_AN_ENTITY, type=type_))
                else:
                    relations.append(IndexedRelation(head, tail, type_))
        return relations


def _relation(item: str, tokens: int, where: str) -> tuple[tuple[int, int, int, int], str]:
    """The half-open borders of head and tail, counted from 0, and the type."""
    *numbers, type_ = item.split(";")
    if len(numbers) != 4 or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise CorpusFormatError(
            f"{where}: expected a relation as '1;1;3;4;Live_In' (first and last token of head and "
            f"tail, counted from 1), found {item[:60]!r}"
        )
    start, end, tail_start, tail_end = map(int, numbers)
    if not (start <= end <= tokens and tail_start <= tail_end <= tokens):
        raise CorpusFormatError(
            f"{where}: the relation {item[:60]!r} is not within the {tokens} tokens of the "
            f"sentence; correct its numbers"
        )
    return (start - 1, end, tail_start - 1, tail_end), check_type(type_, f"{where}: the type")


def _read(source: Source) -> list[MarkedText]:
    lines = list(numbered_lines(source.text()))
    reader = _Reader(source, _columns(lines, source), RepeatedNames())
    blocks = _blocks(lines)
    texts = []
    for block in blocks:
        with source.faults.guard(DOCUMENT, block.id or f"line {block.first_line}"):
            texts.append(reader.read(block))
    if not texts and not source.faults.found:
        raise CorpusFormatError(f"{source.path} has a header and no sentence; expected a corpus")
    if any("relations" in block.comments for block in blocks):
        # A sentence without the line has no relations, where others of the file have it.
        return [_annotated_for_relations(text) for text in texts]
    source.tally.note("corpus: without relations, so read as not annotated for them")
    return texts


def _annotated_for_relations(text: MarkedText) -> MarkedText:
    annotated = text.annotated | {RELATION_TASK}
    own = [replace(sentence, annotated=annotated) for sentence in text.sentences or ()]
    return replace(text, annotated=annotated, sentences=own)


def _columns(lines: Sequence[Line], source: Source) -> list[str]:
    """The names of the columns."""
    for number, line in lines:
        if match := _HEADER.fullmatch(line):
            columns = match[1].lower().split()
            if "form" in columns:
                return columns
            raise CorpusFormatError(
                f"{source.path}:{number}: expected a column 'form' with the words, found "
                f"{match[1][:60]!r}"
            )
        if line.strip():
            break
    raise CorpusFormatError(
        f"{source.path}:1: expected the names of the columns in the first line, as "
        f"'# global.columns = id form ner'"
    )


def _blocks(lines: Sequence[Line]) -> list[_Block]:
    blocks: list[_Block] = []
    block: _Block | None = None
    for number, line in lines:
        if not line.strip(" "):
            block = None
            continue
        if _HEADER.fullmatch(line):
            continue
        if block is None:
            block = _Block(number)
        if line.startswith("#") and not block.rows:
            if match := _COMMENT.fullmatch(line):
                block.comments[match[1]] = number, match[2]
            continue
        if not block.rows:
            blocks.append(block)
        block.rows.append((number, line))
    return blocks


def _recognises(sample: Sample) -> bool:
    lines = [line for line in sample.lines if line.strip()]
    match = _HEADER.fullmatch(lines[0]) if lines else None
    row = next((line for line in lines if not line.startswith("#")), "")
    return match is not None and "form" in match[1].lower().split() and "\t" in row


CONLLU_PLUS = Format(
    "conllu-plus",
    "CoNLL-U Plus as Flair has it: columns named in the first line, relations as a comment",
    _read,
    write,
    _recognises,
    needs="a first line as '# global.columns = id form ner'",
)
