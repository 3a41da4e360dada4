"""Dovetail's own format: JSON lines, one sentence or one document a line; see docs/formats.md.

It holds all that a `Document` holds, confidences included, so reading gives back what was written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.corpora.alignment import CharacterEntity, IndexedRelation, MarkedText, align
from dovetail.corpora.assembly import Place, SentenceBuilder, UniqueNames
from dovetail.corpora.files import numbered_lines, parse_json, read_text
from dovetail.corpora.formats import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Tally
from dovetail.corpora.records import Record
from dovetail.corpora.writing import is_writable
from dovetail.document import TASKS, Document, Entity, Relation, Sentence, character_span
from dovetail.errors import CorpusFormatError
from dovetail.files import write_text
from dovetail.tokenization import Tokenizer

FORMAT_NAME = "dovetail"
VERSION = 1

_SENTENCE_FIELDS = {"id", "tokens", "offsets", "entities", "relations", "annotated"}
_DOCUMENT_FIELDS = {"id", "text", "sentences", "entities", "relations", "annotated"}


@dataclass(slots=True)
class _Reader:
    source: Source
    names: UniqueNames = field(default_factory=UniqueNames)
    declared: dict[str, frozenset[str]] = field(default_factory=dict)
    tokenizer: Tokenizer | None = None

    def read_header(self, record: Record) -> None:
        version = record.integer("version")
        if record.string("format") != FORMAT_NAME or not 1 <= version <= VERSION:
            record.fail(
                f"expected the format {FORMAT_NAME!r} in a version from 1 to {VERSION}, found "
                f"{record.values['format']!r} {version}; a newer Dovetail may read it"
            )
        for kind, name in ((ENTITY, "entity_types"), (RELATION, "relation_types")):
            if name in record:
                self.declared[kind] = frozenset(map(str, record.items(name)))

    def read_line(self, record: Record) -> Document:
        id = record.identifier("id")
        self.names.add(id, record.where)
        self.source.tally.read(DOCUMENT)
        if "text" not in record:
            sentence = self.sentence_of_tokens(record, id)
            return Document.from_sentence(sentence)
        self.note_fields(record, _DOCUMENT_FIELDS)
        text = record.string("text")
        if "sentences" not in record:
            return self.document_of_text(record, id, text)
        if "entities" in record or "relations" in record:
            record.fail("entities and relations go into the sentences where there are 'sentences'")
        return Document(
            id,
            text,
            tuple(
                self.sentence_of_offsets(sentence, id, text)
                for sentence in record.records("sentences")
            ),
        )

    def sentence_of_tokens(self, record: Record, id: str) -> Sentence:
        self.source.tally.read(SENTENCE)
        self.note_fields(record, _SENTENCE_FIELDS - {"offsets"})
        builder = SentenceBuilder(self.place(record, id), record.tokens())
        for entity in record.records("entities"):
            start, end = entity.integer("start"), entity.integer("end")
            builder.add_entity(start, end, self.type_of(entity, ENTITY), entity.confidence())
        self.add_relations(record, builder)
        return builder.sentence(id=id, annotated=_annotated(record))

    def sentence_of_offsets(self, record: Record, document_id: str, text: str) -> Sentence:
        self.source.tally.read(SENTENCE)
        self.note_fields(record, _SENTENCE_FIELDS - {"tokens"})
        offsets = _offsets(record, text)
        tokens = [text[start:end] for start, end in offsets]
        builder = SentenceBuilder(self.place(record, document_id), tokens)
        starts = {start: position for position, (start, _) in enumerate(offsets)}
        ends = {end: position + 1 for position, (_, end) in enumerate(offsets)}
        for entity in record.records("entities"):
            start, end = entity.integer("start"), entity.integer("end")
            _check_surface(entity, text, start, end)
            if start not in starts or end not in ends:
                entity.fail(
                    f"characters [{start}, {end}) are not the borders of tokens of the sentence; "
                    f"correct them, or leave 'sentences' out to have the text cut anew"
                )
            builder.add_entity(
                starts[start], ends[end], self.type_of(entity, ENTITY), entity.confidence()
            )
        self.add_relations(record, builder)
        return builder.sentence(
            id=record.identifier("id"), annotated=_annotated(record), offsets=offsets
        )

    def document_of_text(self, record: Record, id: str, text: str) -> Document:
        entities = []
        for entity in record.records("entities"):
            start, end = entity.integer("start"), entity.integer("end")
            _check_surface(entity, text, start, end)
            type_ = self.type_of(entity, ENTITY)
            entities.append(CharacterEntity(start, end, type_, entity.where, entity.confidence()))
        relations = []
        for relation in record.records("relations"):
            head, tail = relation.integer("head"), relation.integer("tail")
            if not (0 <= head < len(entities) and 0 <= tail < len(entities)):
                relation.fail(f"refers to the entities {head} and {tail} of {len(entities)}")
            type_ = self.type_of(relation, RELATION)
            relations.append(IndexedRelation(head, tail, type_, relation.confidence()))
        if self.tokenizer is None:
            self.tokenizer = Tokenizer(self.source.language)
        marked = MarkedText(id, text, entities, relations, record.where, _annotated(record))
        return align(marked, self.tokenizer, self.source.tally)

    def add_relations(self, record: Record, builder: SentenceBuilder) -> None:
        for relation in record.records("relations"):
            head = builder.entity(relation.integer("head"))
            tail = builder.entity(relation.integer("tail"))
            type_ = self.type_of(relation, RELATION)
            builder.add_relation(head, tail, type_, relation.confidence())

    def type_of(self, record: Record, kind: str) -> str:
        type_ = record.type_name()
        declared = self.declared.get(kind)
        if declared is not None and type_ not in declared:
            record.fail(
                f"unknown {kind} type {type_!r}; the header declares {sorted(declared)}: "
                f"correct the type, or add it there"
            )
        return type_

    def place(self, record: Record, id: str) -> Place:
        return Place(self.source.tally, id or record.where.rsplit("/", 1)[-1], record.where)

    def note_fields(self, record: Record, known: set[str]) -> None:
        for name in sorted(record.values.keys() - known):
            self.source.tally.note(f"field {name!r} is not read")


def _read(source: Source) -> list[Document]:
    reader = _Reader(source)
    documents: list[Document] = []
    for number, line in numbered_lines(read_text(source.path)):
        if not line.strip():
            continue
        value = parse_json(line, source.path, line=number)
        record = Record.of(value, f"{source.path}:{number}")
        if "format" in record and not documents:
            reader.read_header(record)
        else:
            documents.append(reader.read_line(record))
    if not documents:
        raise CorpusFormatError(f"{source.path} has a header and no sentence; expected a corpus")
    return documents


def _annotated(record: Record) -> frozenset[str]:
    """The tasks named in the line; both tasks, if it names none."""
    if "annotated" not in record:
        return frozenset(TASKS)
    tasks = record.items("annotated")
    if not all(isinstance(task, str) for task in tasks):
        record.fail(f"'annotated': expected names of tasks, as {list(TASKS)}, found {tasks}")
    return frozenset(tasks)


def _offsets(record: Record, text: str) -> list[tuple[int, int]]:
    """The borders of the tokens: ascending, not empty, within the text."""
    offsets: list[tuple[int, int]] = []
    for pair in record.items("offsets"):
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(p) is int for p in pair)):
            record.fail(f"'offsets': expected [start, end] for each token, found {pair!r}")
        after = offsets[-1][1] if offsets else 0
        if not after <= pair[0] < pair[1] <= len(text):
            record.fail(
                f"'offsets': the token at characters {pair} is empty, lies before the end of the "
                f"token before it, or outside the {len(text)} characters of the text"
            )
        offsets.append((pair[0], pair[1]))
    if not offsets:
        record.fail("a sentence without tokens; remove the sentence")
    return offsets


def _check_surface(entity: Record, text: str, start: int, end: int) -> None:
    """Compare the entity's own text, where it is given, with what its offsets cut out."""
    if "text" in entity and entity.string("text") != text[max(start, 0) : max(end, 0)]:
        entity.fail(
            f"its text is {entity.values['text']!r}, but the characters [{start}, {end}) are "
            f"{text[max(start, 0) : max(end, 0)][:60]!r}; correct the offsets"
        )


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    lines = [json.dumps(native_header())]
    for document in documents:
        held = [
            sentence for sentence in document.sentences if is_writable(document, sentence, tally)
        ]
        kept = Document(document.id, document.text, tuple(held))
        tally.keep_documents([kept])
        lines.append(json.dumps(line_from_document(kept), ensure_ascii=False))
    write_text(path, "\n".join(lines) + "\n")


def native_header() -> dict[str, Any]:
    """What the first line of a file says."""
    return {"format": FORMAT_NAME, "version": VERSION}


def line_from_document(document: Document) -> dict[str, Any]:
    """A document as the JSON object of its line.

    A document made of a tokenized sentence gets the token form, any other the text form.
    """
    if len(document.sentences) == 1:
        sentence = document.sentences[0]
        joined = Sentence.from_tokens(sentence.tokens).offsets == sentence.offsets
        if joined and document.text == " ".join(sentence.tokens) and document.id == sentence.id:
            spans = {entity: entity.span for entity in sentence.entities}
            line = {"id": sentence.id} if sentence.id else {}
            return {**line, "tokens": list(sentence.tokens), **_annotations(sentence, spans)}
    line = {"id": document.id} if document.id else {}
    return {
        **line,
        "text": document.text,
        "sentences": [_text_form(document, sentence) for sentence in document.sentences],
    }


def _text_form(document: Document, sentence: Sentence) -> dict[str, Any]:
    spans = {entity: character_span(sentence, entity) for entity in sentence.entities}
    line = {"id": sentence.id} if sentence.id else {}
    annotations = _annotations(sentence, spans)
    for item, entity in zip(annotations["entities"], sentence.sorted_entities, strict=True):
        item["text"] = document.surface(sentence, entity)
    return {**line, "offsets": [list(pair) for pair in sentence.offsets], **annotations}


def _annotations(sentence: Sentence, spans: dict[Entity, tuple[int, int]]) -> dict[str, Any]:
    entities = sentence.sorted_entities
    positions = {entity: position for position, entity in enumerate(entities)}
    fields: dict[str, Any] = {
        "entities": [
            {"start": spans[entity][0], "end": spans[entity][1], **_type_and_confidence(entity)}
            for entity in entities
        ],
        "relations": [
            {
                "head": positions[relation.head],
                "tail": positions[relation.tail],
                **_type_and_confidence(relation),
            }
            for relation in sentence.sorted_relations
        ],
    }
    if sentence.annotated != frozenset(TASKS):
        fields["annotated"] = sorted(sentence.annotated)
    return fields


def _type_and_confidence(annotation: Entity | Relation) -> dict[str, Any]:
    if annotation.confidence is None:
        return {"type": annotation.type}
    return {"type": annotation.type, "confidence": annotation.confidence}


def _recognises(sample: Sample) -> bool:
    if sample.is_array or not sample.records:
        return False
    return sample.records[0].get("format") == FORMAT_NAME or bool({"tokens", "text"} & sample.keys)


NATIVE = Format(
    "dovetail",
    "Dovetail's JSON lines: a sentence or a document a line, nothing is lost",
    _read,
    _write,
    _recognises,
)
