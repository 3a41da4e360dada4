"""GLiNER's training data: tokens with spans, of which the last token is inside, and relations.

Relations come in the three forms that are in use: ``[head, tail, type]`` by position among the
spans, which is what is written; ``[start, end, type, start, end, type, relation]``; and GLiREL's
objects, whose head and tail have a `position`.
Source: https://urchade.github.io/GLiNER/training.html, https://github.com/jackboyla/GLiREL
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Tally
from dovetail.corpora.marking.assembly import Place, SentenceBuilder, drop_sentence
from dovetail.corpora.marking.flat_spans import check_span
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record, describe
from dovetail.corpora.writing.writable import is_writable, note_losses, writable_sentences
from dovetail.errors import CorpusFormatError
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Entity, Sentence

NOT_ANNOTATED = "it is not annotated for entities, and GLiNER would take that for none there"
_FIELDS = {"tokenized_text", "ner", "relations"}


def _read_sentence(source: Source, record: Record) -> Document:
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    for name in sorted(record.values.keys() - _FIELDS):
        source.tally.note(f"field {name!r} is not read")
    id = record.where.rsplit("/", 1)[-1]
    tokens = record.tokens("tokenized_text")
    builder = SentenceBuilder(Place(source.tally, id, record.where), tokens)
    # Relations count the spans of the file, so a broken one keeps its place among them.
    listed: list[Entity | None] = []
    for position, item in enumerate(record.items("ner") if "ner" in record else []):
        listed.append(None)
        with source.faults.guard(ENTITY, id):
            (start, last), type_ = check_span(item, 2, f"{record.where}: ner[{position}]")
            listed[-1] = builder.add_entity(start, last + 1, type_)
    for position, item in enumerate(record.items("relations") if "relations" in record else []):
        with source.faults.guard(RELATION, id):
            where = f"{record.where}: relations[{position}]"
            builder.add_relation(*_arguments(item, listed, builder, where))
    annotated = [
        task
        for task, name in ((ENTITY_TASK, "ner"), (RELATION_TASK, "relations"))
        if name in record
    ]
    return Document.from_sentence(builder.sentence(annotated=annotated))


def _arguments(
    item: object, listed: Sequence[Entity | None], builder: SentenceBuilder, where: str
) -> tuple[Entity | None, Entity | None, str]:
    """Head, tail and type of a relation in any of the forms."""
    if isinstance(item, dict):
        return _of_object(Record(item, where), builder)
    if isinstance(item, list) and len(item) == 7:
        (start, last), head_type = check_span(item[:3], 2, where)
        (tail_start, tail_last), tail_type = check_span(item[3:6], 2, where)
        head = builder.entity_at(start, last + 1, head_type)
        tail = builder.entity_at(tail_start, tail_last + 1, tail_type)
        return head, tail, check_span([0, item[6]], 1, where)[1]
    indices, type_ = check_span(item, 2, where)
    for index in indices:
        if not 0 <= index < len(listed):
            raise CorpusFormatError(
                f"{where}: refers to the span {index} of {len(listed)}, counted from 0; correct "
                f"the index"
            )
    return listed[indices[0]], listed[indices[1]], type_


def _of_object(
    record: Record, builder: SentenceBuilder
) -> tuple[Entity | None, Entity | None, str]:
    arguments = []
    for name in ("head", "tail"):
        argument = Record.of(record.values.get(name), f"{record.where}: {name}")
        position = argument.items("position")
        if len(position) != 2 or not all(type(border) is int for border in position):
            argument.fail(f"'position': expected [first, last] token, found {describe(position)}")
        # The type in a relation is often another one than that of the span, and not read by GLiREL.
        arguments.append(builder.entity_at(position[0], position[1] + 1))
    type_ = record.string("relation_text") or record.fail("'relation_text' is empty; name the type")
    return arguments[0], arguments[1], type_


def _read(source: Source) -> list[Document]:
    return read_each(source, lambda record: _read_sentence(source, record))


def _is_writable(document: Document, sentence: Sentence, tally: Tally) -> bool:
    if not sentence.entities and ENTITY_TASK not in sentence.annotated:
        drop_sentence(tally, document.id, sentence, NOT_ANNOTATED)
        return False
    return is_writable(document, sentence, tally)


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    note_losses(documents, tally)
    items = [
        json.dumps(_item(sentence, tally), ensure_ascii=False)
        for _, sentence in writable_sentences(documents, tally, is_writable=_is_writable)
    ]
    write_text(path, "[" + ",\n".join(items) + "]\n")


def _item(sentence: Sentence, tally: Tally) -> dict[str, Any]:
    entities, relations = sentence.sorted_entities, sentence.sorted_relations
    tally.keep(ENTITY, len(entities))
    tally.keep(RELATION, len(relations))
    positions = {entity: position for position, entity in enumerate(entities)}
    item: dict[str, Any] = {
        "tokenized_text": list(sentence.tokens),
        "ner": [[entity.start, entity.end - 1, entity.type] for entity in entities],
    }
    if relations or RELATION_TASK in sentence.annotated:
        item["relations"] = [
            [positions[relation.head], positions[relation.tail], relation.type]
            for relation in relations
        ]
    return item


def _recognises(sample: Sample) -> bool:
    return "tokenized_text" in sample.keys


GLINER = Format(
    "gliner",
    "GLiNER JSON: an array of sentences, spans and relations for training GLiNER",
    _read,
    _write,
    _recognises,
    needs='JSON objects with "tokenized_text"',
)
