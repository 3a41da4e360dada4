"""Dovetail's own format: JSON lines, a sentence or a document a line.

See docs/formats/dovetail.md.

It holds all that a `Document` holds, confidences included, so reading gives back what was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.native.native_places import (
    arguments_of,
    characters_of,
    check_borders,
    is_span,
    offsets_of,
    pieces_of,
)
from dovetail.corpora.formats.native.native_writer import FORMAT_NAME, VERSION, write
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE
from dovetail.corpora.marking.assembly import Place, RepeatedNames, SentenceBuilder
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedSentence,
    MarkedText,
    Span,
)
from dovetail.corpora.marking.positions import length_in
from dovetail.corpora.source.foreign_fields import refuse_foreign
from dovetail.corpora.source.json_records import Record, describe
from dovetail.corpora.source.json_text import json_values
from dovetail.errors import CorpusFormatError
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS, Document, Sentence, Unaligned

_SENTENCE_FIELDS = {
    *("id", "tokens", "offsets", "entities", "relations", "annotated", "unaligned"),
}
_DOCUMENT_FIELDS = {"id", "text", "sentences", "entities", "relations", "annotated"}


@dataclass(slots=True)
class _Reader:
    source: Source
    names: RepeatedNames = field(default_factory=RepeatedNames)
    declared: dict[str, frozenset[str]] = field(default_factory=dict)

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

    def read_line(self, record: Record) -> Document | MarkedText:
        refuse_foreign(record)
        id = record.identifier("id")
        self.names.add(id, self.source.tally)
        if "text" not in record and any("fragments" in own for own in record.records("entities")):
            return self.text_of_tokens(record, id)
        if "text" not in record:
            self.source.tally.read(DOCUMENT)
            return Document.from_sentence(self.sentence_of_tokens(record, id))
        self.note_fields(record, _DOCUMENT_FIELDS)
        text = record.string("text")
        if "sentences" in record:
            return self.text_with_tokens(record, id, text)
        entities, relations = self.annotations_of(record, 0)
        return MarkedText(id, text, entities, relations, record.where, _annotated(record))

    def sentence_of_tokens(self, record: Record, id: str) -> Sentence:
        self.source.tally.read(SENTENCE)
        self.note_fields(record, _SENTENCE_FIELDS - {"offsets"})
        builder = SentenceBuilder(self.place(record, id), record.tokens())
        for entity in record.records("entities"):
            start, end = entity.integer("start"), entity.integer("end")
            builder.add_entity(start, end, self.type_of(entity, ENTITY), entity.confidence())
        self.add_relations(record, builder)
        for item in _unaligned(record):
            self.source.tally.read(item.task)
            builder.add_unaligned(item)
        return builder.sentence(id=id, annotated=_annotated(record))

    def text_of_tokens(self, record: Record, id: str) -> MarkedText:
        """A sentence of tokens that has discontinuous entities, as the text that it is.

        What becomes of these is decided where texts are, in one way for all formats.
        """
        self.note_fields(record, _SENTENCE_FIELDS - {"offsets"})
        plain = Sentence.from_tokens(record.tokens())
        entities, relations = self.annotations_of(record, 0, plain.offsets)
        annotated = _annotated(record)
        own = MarkedSentence(plain.offsets, id, annotated, _unaligned(record))
        text = " ".join(plain.tokens)
        return MarkedText(
            id, text, entities, relations, record.where, annotated, [own], "codepoints"
        )

    def text_with_tokens(self, record: Record, id: str, text: str) -> MarkedText:
        """A text with its sentences; the annotations are theirs, or those of the whole text."""
        sentences = []
        length = length_in(text, self.source.reading.offsets or "codepoints")
        entities, relations = self.annotations_of(record, 0)
        whole = bool({"entities", "relations"} & record.values.keys())
        for sentence in record.records("sentences"):
            self.note_fields(sentence, _SENTENCE_FIELDS - {"tokens"})
            offsets = offsets_of(sentence, length)
            annotated = _annotated(record if whole else sentence)
            name, beside = sentence.identifier("id"), _unaligned(sentence)
            sentences.append(MarkedSentence(offsets, name, annotated, beside))
            own, links = self.annotations_of(sentence, len(entities))
            if whole and (own or links):
                record.fail(
                    "entities and relations are the sentences' or the line's own, not both; "
                    "leave them out in one of the two places"
                )
            check_borders(own, offsets)
            entities += own
            relations += links
        return MarkedText(
            id, text, entities, relations, record.where, _annotated(record), sentences
        )

    def annotations_of(
        self, record: Record, first: int, tokens: Sequence[Span] | None = None
    ) -> tuple[list[CharacterEntity], list[IndexedRelation]]:
        """Entities and relations by character; `first` is the place of the first entity.

        With `tokens` the positions of the record are those of tokens.
        """
        entities = []
        for entity in record.records("entities"):
            pieces = pieces_of(entity)
            if tokens is not None:
                pieces = [characters_of(piece, tokens, entity) for piece in pieces]
            surface = entity.string("text") if "text" in entity and tokens is None else None
            type_, confidence = self.type_of(entity, ENTITY), entity.confidence()
            start, end, fragments = pieces[0][0], pieces[-1][1], tuple(pieces)
            fragments = fragments if len(fragments) > 1 else ()
            entities.append(
                CharacterEntity(start, end, type_, entity.where, confidence, surface, fragments)
            )
        relations = []
        for relation in record.records("relations"):
            head, tail = relation.integer("head"), relation.integer("tail")
            if not (0 <= head < len(entities) and 0 <= tail < len(entities)):
                relation.fail(
                    f"refers to the entities {head} and {tail} of {len(entities)}, counted from 0; "
                    f"correct the index"
                )
            type_ = self.type_of(relation, RELATION)
            relations.append(
                IndexedRelation(head + first, tail + first, type_, relation.confidence())
            )
        return entities, relations

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


def _read(source: Source) -> list[Document | MarkedText]:
    reader = _Reader(source)
    documents: list[Document | MarkedText] = []
    for item in json_values(source.text(), source.path):
        with source.faults.guard(DOCUMENT, item.where.rsplit("/", 1)[-1]):
            record = item.record()
            # Files that were put together have a header before each part.
            if "format" in record and not {"text", "tokens"} & record.values.keys():
                reader.read_header(record)
            else:
                documents.append(reader.read_line(record))
    if not documents and not source.faults.found:
        raise CorpusFormatError(f"{source.path} has a header and no sentence; expected a corpus")
    return documents


def _annotated(record: Record) -> frozenset[str]:
    """The tasks named in the line; where it names none, those whose annotations it has.

    An empty list of entities says that there are none, a missing one that nobody looked.
    """
    if "annotated" not in record:
        return frozenset(
            task
            for task, name in ((ENTITY_TASK, "entities"), (RELATION_TASK, "relations"))
            if name in record
        )
    tasks = record.items("annotated")
    if not all(task in TASKS for task in tasks):
        record.fail(
            f"'annotated': expected names of tasks, as {list(TASKS)}, found {describe(tasks)}"
        )
    return frozenset(tasks)


def _unaligned(record: Record) -> tuple[Unaligned, ...]:
    """The fields of the line beside its tokens, with positions in the text that it came from."""
    found = []
    for item in record.records("unaligned"):
        task, spans = item.string("task"), item.items("spans")
        if task not in TASKS or not spans or not all(map(is_span, spans)):
            item.fail(f"expected a task of {list(TASKS)} and its spans as [[start, end], …]")
        types = tuple(map(str, item.items("types")))
        pairs = tuple((start, end) for start, end in spans)
        reason, arguments = item.string("reason"), arguments_of(item)
        found.append(Unaligned(task, item.type_name(), pairs, types, reason, arguments))
    return tuple(found)


def _recognises(sample: Sample) -> bool:
    if sample.is_array or not sample.records:
        return False
    return sample.records[0].get("format") == FORMAT_NAME or bool({"tokens", "text"} & sample.keys)


NATIVE = Format(
    "dovetail",
    "Dovetail's JSON lines: a sentence or a document a line, nothing is lost",
    _read,
    write,
    _recognises,
    holds_unaligned=True,
    holds_fragments=True,
    needs='JSON objects, one a line, with "tokens" or "text"',
)
