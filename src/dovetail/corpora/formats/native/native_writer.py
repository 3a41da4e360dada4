"""Writes Dovetail's own format: JSON lines, one sentence or one document a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dovetail.corpora.ledger import Tally
from dovetail.corpora.writing.writable import is_writable
from dovetail.files.writing import write_text
from dovetail.text.document import TASKS, Document, Entity, Relation, Sentence, character_pieces

FORMAT_NAME = "dovetail"
VERSION = 2
WITHOUT_FRAGMENTS = 1
"""The version that is written where nothing asks for more, so that older releases can read it."""


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write documents; nothing of them is lost."""
    fragments = any(e.fragments for d in documents for s in d.sentences for e in s.entities)
    lines = [json.dumps(native_header(fragments=fragments))]
    for document in documents:
        held = [
            sentence for sentence in document.sentences if is_writable(document, sentence, tally)
        ]
        kept = Document(document.id, document.text, tuple(held))
        tally.keep_documents([kept])
        lines.append(json.dumps(line_from_document(kept), ensure_ascii=False))
    write_text(path, "\n".join(lines) + "\n")


def native_header(*, fragments: bool = False) -> dict[str, Any]:
    """Return the first line of a file; `fragments` where an entity may have several."""
    return {"format": FORMAT_NAME, "version": VERSION if fragments else WITHOUT_FRAGMENTS}


def line_from_document(document: Document) -> dict[str, Any]:
    """A document as the JSON object of its line.

    A document made of a tokenized sentence gets the token form, any other the text form.
    """
    if len(document.sentences) == 1:
        sentence = document.sentences[0]
        joined = Sentence.from_tokens(sentence.tokens).offsets == sentence.offsets
        if joined and document.text == " ".join(sentence.tokens) and document.id == sentence.id:
            spans = {entity: list(entity.pieces) for entity in sentence.entities}
            line = {"id": sentence.id} if sentence.id else {}
            return {**line, "tokens": list(sentence.tokens), **_annotations(sentence, spans)}
    line = {"id": document.id} if document.id else {}
    return {
        **line,
        "text": document.text,
        "sentences": [_text_form(document, sentence) for sentence in document.sentences],
    }


def _text_form(document: Document, sentence: Sentence) -> dict[str, Any]:
    spans = {entity: character_pieces(sentence, entity) for entity in sentence.entities}
    line = {"id": sentence.id} if sentence.id else {}
    annotations = _annotations(sentence, spans)
    for item, entity in zip(annotations["entities"], sentence.sorted_entities, strict=True):
        item["text"] = document.surface(sentence, entity)
    return {**line, "offsets": [list(pair) for pair in sentence.offsets], **annotations}


def _place_of(pieces: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """The place of an entity: `fragments` are there if it has several."""
    place: dict[str, Any] = {"start": pieces[0][0], "end": pieces[-1][1]}
    return {**place, "fragments": [list(pair) for pair in pieces]} if len(pieces) > 1 else place


def _annotations(
    sentence: Sentence, spans: Mapping[Entity, Sequence[tuple[int, int]]]
) -> dict[str, Any]:
    entities = sentence.sorted_entities
    positions = {entity: position for position, entity in enumerate(entities)}
    fields: dict[str, Any] = {
        "entities": [
            {**_place_of(spans[entity]), **_type_and_confidence(entity)} for entity in entities
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
    if sentence.unaligned:
        fields["unaligned"] = [
            {
                "task": item.task,
                "type": item.type,
                "spans": [list(span) for span in item.spans],
                "types": list(item.types),
                "reason": item.reason,
                **({"arguments": item.arguments} if item.arguments else {}),
            }
            for item in sorted(sentence.unaligned)
        ]
    if sentence.annotated != frozenset(TASKS):
        fields["annotated"] = sorted(sentence.annotated)
    return fields


def _type_and_confidence(annotation: Entity | Relation) -> dict[str, Any]:
    if annotation.confidence is None:
        return {"type": annotation.type}
    return {"type": annotation.type, "confidence": annotation.confidence}
