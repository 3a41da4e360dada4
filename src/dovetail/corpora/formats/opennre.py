"""OpenNRE JSON lines: a text or its tokens, marked for a head and a tail.

``pos`` is half-open and counts the tokens of ``token``, or the characters of ``text`` (Han et al.
2019, arXiv 1909.13078).  ``NA`` says that the two are not related.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import Tally
from dovetail.corpora.marking.assembly import RepeatedNames
from dovetail.corpora.marking.marked_pairs import (
    MEANS_NONE,
    NO_RELATION,
    UNTYPED,
    Argument,
    Pair,
    PairSentence,
    is_relation,
    pairs_to_write,
    tasks_of,
)
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record, describe
from dovetail.files.writing import write_text
from dovetail.text.document import Document, Entity

_FIELDS = {"id", "text", "token", "h", "t", "relation"}
_ARGUMENT_FIELDS = {"name", "pos", "type"}
_NO_RELATION = "NA"


@dataclass(slots=True)
class _Reader:
    source: Source
    names: RepeatedNames = field(default_factory=RepeatedNames)

    def read(self, record: Record) -> Document | MarkedText:
        id = record.identifier("id")
        self.names.add(id, self.source.tally)
        self.note_fields(record, _FIELDS)
        head, tail = (self.argument(record, name) for name in ("h", "t"))
        relation = record.string("relation") if "relation" in record else None
        if "token" in record:
            tokens = record.tokens("token")
            return PairSentence(id, record.where, tokens, head, tail, relation).document(
                self.source
            )
        text = record.string("text")
        entities = [
            CharacterEntity(item.start, item.end, item.type, record.where) for item in (head, tail)
        ]
        relations = [IndexedRelation(0, 1, relation)] if is_relation(relation) else []
        return MarkedText(id, text, entities, relations, record.where, tasks_of(relation))

    def argument(self, record: Record, name: str) -> Argument:
        argument = Record.of(record.values.get(name), f"{record.where}: {name!r}")
        self.note_fields(argument, _ARGUMENT_FIELDS)
        borders = argument.items("pos")
        if len(borders) != 2 or not all(type(border) is int for border in borders):
            argument.fail(f"'pos': expected [start, end], found {describe(borders)}")
        start, end = borders
        return Argument(start, end, argument.string("type") if "type" in argument else UNTYPED)

    def note_fields(self, record: Record, known: set[str]) -> None:
        for name in sorted(record.values.keys() - known):
            self.source.tally.note(f"field {name!r} is not read")


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    pairs = pairs_to_write(documents, tally, _refusal, keeps_ids=True)
    write_text(path, "".join(json.dumps(_item(pair), ensure_ascii=False) + "\n" for pair in pairs))


def _refusal(pair: Pair) -> str:
    return MEANS_NONE if pair.relation in NO_RELATION else ""


def _item(pair: Pair) -> dict[str, object]:
    item: dict[str, object] = {"id": pair.id} if pair.id else {}
    return item | {
        "token": list(pair.sentence.tokens),
        "h": _position(pair, pair.head),
        "t": _position(pair, pair.tail),
        "relation": pair.relation or _NO_RELATION,
    }


def _position(pair: Pair, entity: Entity) -> dict[str, object]:
    name = pair.document.surface(pair.sentence, entity)
    return {"name": name, "pos": list(entity.span), "type": entity.type}


def _recognises(sample: Sample) -> bool:
    if sample.is_array or not {"h", "t"} <= sample.keys or not {"text", "token"} & sample.keys:
        return False
    return all(isinstance(sample.records[0][name], dict) for name in ("h", "t"))


OPENNRE = Format(
    "opennre",
    "OpenNRE JSON lines: a text or its tokens with a head, a tail and their relation",
    lambda source: read_each(source, _Reader(source).read),
    _write,
    _recognises,
    needs='JSON objects, one a line, with "h", "t" and "text" or "token"',
)
