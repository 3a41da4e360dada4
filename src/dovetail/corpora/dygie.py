"""DyGIE JSON lines, a document a line, and CrossRE JSON lines, a sentence a line.

Both give the borders of an entity with the last token *inside*; DyGIE counts tokens through the
whole document (Wadden et al. 2019, arXiv 1909.03546; Bassignana and Plank 2022, arXiv 2210.09345).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dovetail.corpora.assembly import (
    CROSSES_SENTENCES,
    Place,
    RepeatedNames,
    SentenceBuilder,
    document_of_sentences,
)
from dovetail.corpora.files import read_text
from dovetail.corpora.formats import Format, Sample, Source
from dovetail.corpora.json_text import json_values
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.records import Record, check_tokens
from dovetail.corpora.spans import check_span, relations_between_spans
from dovetail.corpora.writing import is_writable, note_losses, writable_sentences
from dovetail.document import ENTITY_TASK, RELATION_TASK, Document, Sentence
from dovetail.files import write_text
from dovetail.tokenization import sentence_id

_FIELDS = {"doc_key", "sentence", "sentences", "ner", "relations"}


def _read(source: Source, *, whole_documents: bool) -> list[Document]:
    names = RepeatedNames()
    documents = []
    for item in json_values(read_text(source.path), source.path):
        with source.faults.guard(DOCUMENT, item.where.rsplit("/", 1)[-1]):
            record = item.record()
            id = record.identifier("doc_key")
            names.add(id, source.tally)
            source.tally.read(DOCUMENT)
            for name in sorted(record.values.keys() - _FIELDS):
                source.tally.note(f"field {name!r} is not read")
            if whole_documents:
                documents.append(_read_document(record, id, source.tally))
            else:
                fields = [[record.items(name)] for name in _annotated_fields(record)]
                sentences = [record.items("sentence")]
                documents.append(_join(record, id, sentences, fields, source.tally))
    return documents


def _annotated_fields(record: Record) -> list[str]:
    return [name for name in ("ner", "relations") if name in record]


def _read_document(record: Record, id: str, tally: Tally) -> Document:
    sentences = record.items("sentences")
    fields = []
    for name in _annotated_fields(record):
        lists = record.items(name)
        if len(lists) != len(sentences) or not all(isinstance(item, list) for item in lists):
            record.fail(f"{name!r}: expected one list for each of {len(sentences)} sentences")
        fields.append(lists)
    return _join(record, id, sentences, fields, tally)


def _join(
    record: Record, id: str, sentences: list[Any], fields: list[list[Any]], tally: Tally
) -> Document:
    """Make one document of sentences and, for each annotated field, one list a sentence."""
    by_name = dict(zip(_annotated_fields(record), fields, strict=True))
    annotated = [
        task
        for name, task in (("ner", ENTITY_TASK), ("relations", RELATION_TASK))
        if name in by_name
    ]
    tokens = [
        check_tokens(words, f"{record.where}: sentence {position}")
        for position, words in enumerate(sentences)
    ]
    total = sum(map(len, tokens))
    read, first = [], 0
    for position, words in enumerate(tokens):
        tally.read(SENTENCE)
        where = f"{record.where}: sentence {position}"
        builder = SentenceBuilder(Place(tally, id or record.where, where), words)
        for item in by_name["ner"][position] if "ner" in by_name else []:
            (start, last), type_ = check_span(item, 2, f"{where}: ner")
            builder.add_entity(start - first, last + 1 - first, type_)
        for item in by_name["relations"][position] if "relations" in by_name else []:
            borders, type_ = check_span(item, 4, f"{where}: relations")
            tally.note("relation: what stands behind its type is not read", len(item) > 5)
            if not all(0 <= border < total for border in borders):
                record.fail(f"relation {borders} {type_!r} is not within the {total} tokens")
            _add_relation(builder, [border - first for border in borders], type_)
        name = sentence_id(id, position) if len(tokens) > 1 else id
        read.append(builder.sentence(id=name, annotated=annotated))
        first += len(words)
    return document_of_sentences(id, read)


def _add_relation(builder: SentenceBuilder, borders: list[int], type: str) -> None:
    """Add a relation whose arguments have inclusive borders, counted from the sentence."""
    if all(0 <= border < len(builder.tokens) for border in borders):
        head = builder.entity_at(borders[0], borders[1] + 1)
        tail = builder.entity_at(borders[2], borders[3] + 1)
        builder.add_relation(head, tail, type)
        return
    place = builder.place
    place.tally.read(RELATION)
    place.tally.drop(Drop(place.document_id, RELATION, CROSSES_SENTENCES, type=type))


def _write_documents(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally, keeps_ids=True, keeps_documents=True, keeps_annotated=True)
    lines = []
    for document in documents:
        held = [item for item in document.sentences if is_writable(document, item, tally)]
        tally.keep(DOCUMENT)
        tally.keep(SENTENCE, len(held))
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
    for name, task in (("ner", ENTITY_TASK), ("relations", RELATION_TASK)):
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
    lambda source: _read(source, whole_documents=True),
    _write_documents,
    lambda sample: _recognises(sample, "sentences"),
    needs='JSON objects, one a line, with "sentences" and "ner" or "doc_key"',
)
CROSSRE = Format(
    "crossre",
    "CrossRE JSON lines: a sentence a line, the last token inside the span",
    lambda source: _read(source, whole_documents=False),
    _write_sentences,
    lambda sample: _recognises(sample, "sentence"),
    needs='JSON objects, one a line, with "sentence" and "ner" or "doc_key"',
)
