"""What an extractor could have found, as lines and as graphs; some of it meant to do harm."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dovetail.corpora.source.json_records import Record
from dovetail.graph.found import FoundDocument, document_of_record
from dovetail.graph.naming import Naming
from dovetail.graph.store import Store

HEADER = {"format": "dovetail", "version": 2, "model": "news", "thresholds": {"lives_in": 0.5}}


def entity(text: str, surface: str, type: str, confidence: float | None = 0.9) -> dict[str, Any]:
    start = text.index(surface)
    place = {"start": start, "end": start + len(surface)}
    return {**place, "type": type, "text": surface, "confidence": confidence}


def line(id: str, text: str, entities: list[dict], relations: Iterable[tuple] = ()) -> dict:
    links = [
        {"head": head, "type": type_, "tail": tail, "confidence": confidence}
        for head, type_, tail, confidence in relations
    ]
    return {"id": id, "text": text, "entities": entities, "relations": links}


ADA = "Ada Lovelace lived in London."
LATER = "ADA  LOVELACE was born in  London , of course."
FOUND = [
    line(
        "first",
        ADA,
        [entity(ADA, "Ada Lovelace", "Person"), entity(ADA, "London", "Place", 0.8)],
        [(0, "lives_in", 1, 0.5)],
    ),
    line(
        "second",
        LATER,
        [entity(LATER, "ADA  LOVELACE", "Person", 0.7), entity(LATER, "London", "Place")],
        [(0, "lives_in", 1, 0.8), (0, "born_in", 1, 0.6)],
    ),
]

EVIL_TEXT = "O'Neil \\u0027 x\\ <b>&amp; \x01\0\n\u2028 end \\"
EVIL_TYPE = "Pe`r\\u0060s'on\n"
EVIL = {
    "id": "a'\"; DROP <script>",
    "text": EVIL_TEXT,
    "entities": [
        {"start": 0, "end": 6, "type": EVIL_TYPE, "confidence": 0.5},
        {"start": 7, "end": 13, "type": '<b>"T'},
        {"start": 14, "end": 16, "type": "T", "confidence": 1},
        {"start": 17, "end": 25, "type": "T"},
        {"start": 20, "end": 34, "type": "T", "fragments": [[20, 28], [31, 34]]},
        {"start": 14, "end": 36, "type": "T", "confidence": 1e-7},
    ],
    "relations": [
        {"head": 0, "tail": 1, "type": "`]->() DETACH DELETE n //", "confidence": 0.5},
        {"head": 1, "tail": 1, "type": "entity"},
        {"head": 1, "tail": 2, "type": "Entity"},
        {"head": 3, "tail": 4, "type": "a\\u0060b"},
        {"head": 3, "tail": 4, "type": "a\\u0060B \"'\r\n"},
    ],
}
HOSTILE = [EVIL, {**EVIL, "relations": EVIL["relations"][:1]}]
"""Quotes, escapes, markup, control characters, and two documents of one name."""


def found(lines: Iterable[dict]) -> list[FoundDocument]:
    return [
        document_of_record(Record(own, f"found.jsonl:{number}"))
        for number, own in enumerate(lines, start=2)
    ]


@contextmanager
def stored(
    lines: Iterable[dict], naming: Naming | None = None, *, keeps_texts: bool = False
) -> Iterator[Store]:
    """A store of some lines, finished."""
    with Store.opened(naming or Naming(), keeps_texts=keeps_texts) as store:
        for document in found(lines):
            store.add(document)
        store.finish()
        yield store


def as_lines(lines: Iterable[dict]) -> str:
    return "".join(json.dumps(own) + "\n" for own in [HEADER, *lines])
