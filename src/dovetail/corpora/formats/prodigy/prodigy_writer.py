"""Prodigy JSON lines, the writer: a sentence a line, with its tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dovetail.corpora.ledger import ENTITY, RELATION, Tally
from dovetail.corpora.writing.writable import note_confidences, writable_sentences
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Entity, Sentence


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write each sentence as a task that is accepted already."""
    lines = []
    named: set[str] = set()
    for document, sentence in writable_sentences(documents, tally):
        task = _task(document, sentence)
        if sentence.id in named:
            tally.note("sentence: its id is taken, so it is left out")
        elif sentence.id:
            task["meta"] = {"id": sentence.id}
            named.add(sentence.id)
        tally.note(
            "document: its name, and what stands around and between its sentences, is not held",
            document.id != sentence.id or len(document.text) != len(task["text"]),
        )
        tally.keep(ENTITY, len(sentence.entities))
        tally.keep(RELATION, len(sentence.relations))
        note_confidences(sentence, tally)
        lines.append(json.dumps(task, ensure_ascii=False) + "\n")
    write_text(path, "".join(lines))


def _task(document: Document, sentence: Sentence) -> dict[str, Any]:
    first, last = sentence.offsets[0][0], sentence.offsets[-1][1]
    text = document.text[first:last]
    offsets = [(start - first, end - first) for start, end in sentence.offsets]
    spans = {entity: _span(entity, offsets) for entity in sentence.sorted_entities}
    task: dict[str, Any] = {"text": text, "tokens": _tokens(text, offsets)}
    if spans or ENTITY_TASK in sentence.annotated:
        task["spans"] = list(spans.values())
    if sentence.relations or RELATION_TASK in sentence.annotated:
        task["relations"] = [
            {
                "head": relation.head.end - 1,
                "child": relation.tail.end - 1,
                "head_span": spans[relation.head],
                "child_span": spans[relation.tail],
                "label": relation.type,
            }
            for relation in sentence.sorted_relations
        ]
    return {**task, "answer": "accept"}


def _span(entity: Entity, offsets: Sequence[tuple[int, int]]) -> dict[str, Any]:
    return {
        "start": offsets[entity.start][0],
        "end": offsets[entity.end - 1][1],
        "token_start": entity.start,
        "token_end": entity.end - 1,
        "label": entity.type,
    }


def _tokens(text: str, offsets: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """The tokens as spaCy gives them; `ws` says whether a space follows."""
    return [
        {
            "text": text[start:end],
            "start": start,
            "end": end,
            "id": id,
            "ws": text[end : end + 1] == " ",
        }
        for id, (start, end) in enumerate(offsets)
    ]
