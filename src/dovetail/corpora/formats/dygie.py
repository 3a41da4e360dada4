"""DyGIE JSON lines, a document a line, and CrossRE JSON lines, a sentence a line.

Both give the borders of an entity with the last token *inside*; DyGIE counts tokens through the
whole document (Wadden et al. 2019, arXiv 1909.03546; Bassignana and Plank 2022, arXiv 2210.09345).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import ENTITY, RELATION, Drop, Tally
from dovetail.corpora.marking.assembly import NOT_AN_ENTITY, RepeatedNames
from dovetail.corpora.marking.flat_spans import check_span, relations_between_spans
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.corpora.marking.token_text import TokenText
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record, check_tokens
from dovetail.corpora.writing.writable import note_losses, writable_documents, writable_sentences
from dovetail.errors import CorpusFormatError
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Sentence
from dovetail.text.tokenization import sentence_id

_FIELDS = {"doc_key", "sentence", "sentences", "ner", "relations"}
_TASKS = {"ner": ENTITY_TASK, "relations": RELATION_TASK}


@dataclass(slots=True)
class _Annotations:
    """What has been read of a document; a relation names its arguments by their borders."""

    source: Source
    id: str
    text: TokenText
    entities: list[CharacterEntity] = field(default_factory=list)
    relations: list[IndexedRelation] = field(default_factory=list)
    by_borders: dict[tuple[int, int], int] = field(default_factory=dict)

    def read_entity(self, item: object, sentence: int, where: str) -> None:
        (start, last), type_ = check_span(item, 2, where)
        first = self.text.firsts[sentence]
        span = self.text.in_sentence(sentence, start - first, last + 1 - first, where)
        self.by_borders.setdefault((start, last), len(self.entities))
        self.entities.append(CharacterEntity(*span, type_, where))

    def read_relation(self, item: object, where: str) -> None:
        borders, type_ = check_span(item, 4, where)
        count = len(item) if isinstance(item, list) else 0
        self.source.tally.note("relation: what stands behind its type is not read", count > 5)
        if not all(0 <= border < len(self.text) for border in borders):
            raise CorpusFormatError(
                f"{where}: relation {borders} {type_!r} is not within the {len(self.text)} tokens; "
                f"correct its borders"
            )
        head, tail = (self.by_borders.get((borders[at], borders[at + 1])) for at in (0, 2))
        if head is None or tail is None:
            self.source.tally.read(RELATION)
            self.source.tally.drop(Drop(self.id, RELATION, NOT_AN_ENTITY, type=type_))
        else:
            self.relations.append(IndexedRelation(head, tail, type_))


@dataclass(slots=True)
class _Reader:
    source: Source
    names: RepeatedNames = field(default_factory=RepeatedNames)

    def read_document(self, record: Record) -> MarkedText:
        sentences = record.items("sentences")
        if not sentences:
            record.fail("a document without sentences; remove the line")
        fields = {name: record.items(name) for name in _TASKS if name in record}
        for name, lists in fields.items():
            if len(lists) != len(sentences) or not all(isinstance(item, list) for item in lists):
                record.fail(f"{name!r}: expected one list for each of {len(sentences)} sentences")
        return self.join(record, sentences, fields)

    def read_sentence(self, record: Record) -> MarkedText:
        fields = {name: [record.items(name)] for name in _TASKS if name in record}
        return self.join(record, [record.items("sentence")], fields)

    def join(
        self, record: Record, sentences: list[Any], fields: Mapping[str, list[Any]]
    ) -> MarkedText:
        """Make a text of sentences and, for each annotated field, one list a sentence."""
        tokens = [
            check_tokens(words, f"{record.where}: sentence {position}")
            for position, words in enumerate(sentences)
        ]
        id = record.identifier("doc_key")
        self.names.add(id, self.source.tally)
        for name in sorted(record.values.keys() - _FIELDS):
            self.source.tally.note(f"field {name!r} is not read")
        text = TokenText(tokens)
        found = _Annotations(self.source, id or record.where, text)
        for position, items in enumerate(fields.get("ner", [])):
            for item in items:
                with self.source.faults.guard(ENTITY, found.id):
                    found.read_entity(item, position, f"{record.where}: sentence {position}: ner")
        for position, items in enumerate(fields.get("relations", [])):
            for item in items:
                with self.source.faults.guard(RELATION, found.id):
                    found.read_relation(item, f"{record.where}: sentence {position}: relations")
        annotated = frozenset(_TASKS[name] for name in fields)
        return MarkedText(
            id,
            text.text,
            found.entities,
            found.relations,
            record.where,
            annotated,
            text.sentences(id, annotated),
            "codepoints",
        )


def _write_documents(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally, keeps_ids=True, keeps_documents=True, keeps_annotated=True)
    lines = []
    for document, held in writable_documents(documents, tally):
        default = [sentence_id(document.id, position) for position in range(len(held))]
        default = [document.id] if len(held) == 1 else default
        tally.note(
            "sentence: its id is not held",
            sum(item.id != name for item, name in zip(held, default, strict=True)),
        )
        line: dict[str, Any] = {
            "doc_key": document.id,
            "sentences": [list(sentence.tokens) for sentence in held],
        }
        fields = [_fields(document, item, first, tally) for item, first in _firsts(held)]
        for name in _fields_to_write(held, tally):
            line[name] = [field[name] for field in fields]
        lines.append(json.dumps(line, ensure_ascii=False))
    write_text(path, "\n".join(lines) + "\n")


def _write_sentences(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally, keeps_ids=True, keeps_annotated=True)
    lines = []
    for document, sentence in writable_sentences(documents, tally):
        line: dict[str, Any] = {"doc_key": sentence.id, "sentence": list(sentence.tokens)}
        fields = _fields(document, sentence, 0, tally)
        for name in _fields_to_write([sentence], tally):
            line[name] = fields[name]
        lines.append(json.dumps(line, ensure_ascii=False))
    write_text(path, "\n".join(lines) + "\n")


def _firsts(sentences: Sequence[Sentence]) -> list[tuple[Sentence, int]]:
    """Each sentence with the position of its first token in the document."""
    firsts, first = [], 0
    for sentence in sentences:
        firsts.append((sentence, first))
        first += len(sentence.tokens)
    return firsts


def _fields(document: Document, sentence: Sentence, first: int, tally: Tally) -> dict[str, Any]:
    entities = sentence.sorted_entities
    tally.keep(ENTITY, len(entities))
    return {
        "ner": [[item.start + first, item.end - 1 + first, item.type] for item in entities],
        "relations": [
            [
                *(relation.head.start + first, relation.head.end - 1 + first),
                *(relation.tail.start + first, relation.tail.end - 1 + first),
                relation.type,
            ]
            for relation in relations_between_spans(document.id, sentence, tally)
        ],
    }


def _fields_to_write(sentences: Sequence[Sentence], tally: Tally) -> list[str]:
    """A field is left out, which says "not annotated", if it holds for the whole document."""
    names = []
    for name, task in _TASKS.items():
        without = sum(task not in sentence.annotated for sentence in sentences)
        filled = any(item.entities if name == "ner" else item.relations for item in sentences)
        if without < len(sentences) or filled or not sentences:
            names.append(name)
            tally.note(f"sentence: that it is not annotated for {task} is not held", without)
    return names


def _recognises(sample: Sample, field: str) -> bool:
    return not sample.is_array and field in sample.keys and bool({"ner", "doc_key"} & sample.keys)


DYGIE = Format(
    "dygie",
    "DyGIE JSON lines: a document a line, tokens counted through the document",
    lambda source: read_each(source, _Reader(source).read_document),
    _write_documents,
    lambda sample: _recognises(sample, "sentences"),
    needs='JSON objects, one a line, with "sentences" and "ner" or "doc_key"',
)
CROSSRE = Format(
    "crossre",
    "CrossRE JSON lines: a sentence a line, the last token inside the span",
    lambda source: read_each(source, _Reader(source).read_sentence),
    _write_sentences,
    lambda sample: _recognises(sample, "sentence"),
    needs='JSON objects, one a line, with "sentence" and "ner" or "doc_key"',
)
