"""Prodigy JSON lines: texts with spans by character, tokens, and relations between spans.

What was not answered with ``accept`` is dropped.  Several lines with one `_input_hash` are the
work of several annotators on one text.  A relation that links tokens which are no span is dropped.
Source: https://prodi.gy/docs/api-interfaces#relations
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.formats.prodigy.prodigy_writer import write
from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, Drop
from dovetail.corpora.marking.assembly import NOT_AN_ENTITY
from dovetail.corpora.marking.marked_text import (
    CharacterEntity,
    IndexedRelation,
    MarkedSentence,
    MarkedText,
    Span,
)
from dovetail.corpora.marking.opinions import Opinion, decided
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record
from dovetail.text.document import ENTITY_TASK, RELATION_TASK

ACCEPTED = "accept"
_HASHES = {"_input_hash", "_task_hash", "_view_id"}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one annotator marked in a text; `text` has its annotations too."""

    text: MarkedText
    input_hash: object
    annotator: object


@dataclass(slots=True)
class _Line:
    """The spans of a line by what relations call them: their borders, or their last token."""

    source: Source
    name: str
    entities: list[CharacterEntity] = field(default_factory=list)
    by_span: dict[tuple[int, int, object], int] = field(default_factory=dict)

    def read_span(self, span: Record) -> None:
        start, end = span.integer("start"), span.integer("end")
        type_ = span.string("label") or span.fail("'label' is empty; name the type")
        surface = span.string("text") if "text" in span else None
        for label in (type_, None):
            self.by_span.setdefault((start, end, label), len(self.entities))
        self.entities.append(CharacterEntity(start, end, type_, span.where, surface=surface))

    def read_relation(
        self, relation: Record, tokens: Sequence[Span] | None
    ) -> IndexedRelation | None:
        type_ = relation.string("label") or relation.fail("'label' is empty; name the type")
        arguments = [self.argument(relation, name, tokens) for name in ("head", "child")]
        if None not in arguments:
            return IndexedRelation(arguments[0], arguments[1], type_)
        self.source.tally.read(RELATION)
        self.source.tally.drop(Drop(self.name, RELATION, NOT_AN_ENTITY, type=type_))
        return None

    def argument(self, relation: Record, name: str, tokens: Sequence[Span] | None) -> int | None:
        """The span that a relation names; None if it names tokens that are none."""
        if f"{name}_span" in relation:
            span = Record.of(relation.values[f"{name}_span"], f"{relation.where}: {name}_span")
            borders = span.integer("start"), span.integer("end")
            label = span.values.get("label")
            return self.by_span.get((*borders, label), self.by_span.get((*borders, None)))
        index = relation.integer(name)
        if tokens is None or not 0 <= index < len(tokens):
            relation.fail(f"{name!r} is the token {index}, which the line does not have")
        end = tokens[index][1]
        return next(
            (place for place, entity in enumerate(self.entities) if entity.end_char == end), None
        )


@dataclass(frozen=True, slots=True)
class _Reader:
    source: Source

    def read_line(self, record: Record) -> _Answer | None:
        meta = record.values.get("meta")
        meta = Record(meta if isinstance(meta, dict) else {}, f"{record.where}: meta")
        id = record.identifier("id") or meta.identifier("id")
        name = id or record.where.rsplit("/", 1)[-1]
        answer = record.values.get("answer", ACCEPTED)
        if answer != ACCEPTED:
            self.drop(record, name, f"it was answered {answer!r:.30}")
            return None
        text = record.string("text")
        tokens = _tokens(record, text) if "tokens" in record else None
        line = _Line(self.source, name)
        for span in record.records("spans"):
            with self.source.faults.guard(ENTITY, name):
                line.read_span(span)
        relations = []
        for link in record.records("relations"):
            with self.source.faults.guard(RELATION, name):
                relation = line.read_relation(link, tokens)
                relations += [relation] if relation else []
        annotated = _annotated(record)
        sentences = [MarkedSentence(tokens, id, annotated)] if tokens else None
        marked = MarkedText(id, text, line.entities, relations, record.where, annotated, sentences)
        annotator = record.values.get("_annotator_id") or record.values.get("_session_id")
        return _Answer(marked, record.values.get("_input_hash"), annotator)

    def drop(self, record: Record, name: str, reason: str) -> None:
        """Drop a whole line, with everything on it."""
        for kind, number in (
            (DOCUMENT, 1),
            (ENTITY, len(record.records("spans"))),
            (RELATION, len(record.records("relations"))),
        ):
            self.source.tally.read(kind, number)
            for _ in range(number):
                self.source.tally.drop(Drop(name, kind, reason))

    def joined(self, answers: Sequence[_Answer]) -> list[MarkedText]:
        """One text for the answers of several annotators to one question."""
        texts = [answer.text for answer in answers]
        several = len({answer.annotator for answer in answers}) == len(answers) > 1
        if not several or answers[0].input_hash is None:
            return texts
        opinions = [Opinion(text.entities, text.relations) for text in texts]
        found = decided(opinions, self.source, texts[0].name)
        first = texts[0]
        return [
            MarkedText(
                first.id,
                first.text,
                found.entities,
                found.relations,
                first.where,
                frozenset.intersection(*(text.annotated for text in texts)),
                first.sentences,
            )
        ]


def _tokens(record: Record, text: str) -> list[Span]:
    """The tokens of a line: ascending, not empty, and what they say they are."""
    found: list[Span] = []
    for token in record.records("tokens"):
        start, end = token.integer("start"), token.integer("end")
        after = found[-1][1] if found else 0
        if not after <= start < end <= len(text):
            token.fail(
                f"the token at characters [{start}, {end}) is empty, lies before the end of the "
                f"token before it, or outside the {len(text)} characters of the text"
            )
        if token.string("text") != text[start:end]:
            token.fail(
                f"the token is {token.values['text']!r:.60}, the text {text[start:end]!r:.60}"
            )
        found.append((start, end))
    return found


def _annotated(record: Record) -> frozenset[str]:
    fields: Mapping[str, str] = {ENTITY_TASK: "spans", RELATION_TASK: "relations"}
    return frozenset(task for task, name in fields.items() if name in record)


def _read(source: Source) -> list[MarkedText]:
    reader = _Reader(source)
    answers = read_each(source, reader.read_line)
    groups: dict[object, list[_Answer]] = {}
    for position, answer in enumerate(answers):
        key = position if answer.input_hash is None else (answer.input_hash, answer.text.text)
        groups.setdefault(key, []).append(answer)
    return [text for group in groups.values() for text in reader.joined(group)]


def _recognises(sample: Sample) -> bool:
    if "text" not in sample.keys:
        return False
    if _HASHES & sample.keys or {"answer", "spans"} <= sample.keys:
        return True
    spans = sample.records[0].get("spans")
    return isinstance(spans, list) and any(
        isinstance(span, dict) and {"start", "end", "label"} <= span.keys() for span in spans
    )


PRODIGY = Format(
    "prodigy",
    "Prodigy JSON lines: texts with tokens, spans and relations",
    _read,
    write,
    _recognises,
    needs='JSON objects with "text" and "spans" of "start", "end" and "label"',
)
