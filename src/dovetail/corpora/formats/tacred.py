"""TACRED: a JSON array of sentences, each marked for a subject and an object.

The last token of an argument is inside (Zhang et al. 2017, Position-aware attention and supervised
data improve slot filling).  ``no_relation`` says that the two are not related.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    pairs_to_write,
)
from dovetail.corpora.source.json_objects import read_each
from dovetail.corpora.source.json_records import Record
from dovetail.files.writing import write_text
from dovetail.text.document import Document

_BORDERS = {"subj_start", "subj_end", "obj_start", "obj_end"}
_FIELDS = {"id", "token", "relation", "subj_type", "obj_type", *_BORDERS}
_NO_RELATION = "no_relation"


def _read(source: Source) -> list[Document]:
    names = RepeatedNames()

    def read(record: Record) -> Document:
        id = record.identifier("id")
        names.add(id, source.tally)
        for name in sorted(record.values.keys() - _FIELDS):
            source.tally.note(f"field {name!r} is not read")
        return PairSentence(
            id,
            record.where,
            record.tokens("token"),
            _argument(record, "subj"),
            _argument(record, "obj"),
            record.string("relation") if "relation" in record else None,
        ).document(source)

    return read_each(source, read)


def _argument(record: Record, name: str) -> Argument:
    start, last = record.integer(f"{name}_start"), record.integer(f"{name}_end")
    type_ = record.string(f"{name}_type") if f"{name}_type" in record else UNTYPED
    return Argument(start, last + 1, type_)


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    pairs = pairs_to_write(documents, tally, _refusal, keeps_ids=True)
    items = [json.dumps(_item(pair), ensure_ascii=False) for pair in pairs]
    write_text(path, "[" + ",\n".join(items) + "]\n")


def _refusal(pair: Pair) -> str:
    return MEANS_NONE if pair.relation in NO_RELATION else ""


def _item(pair: Pair) -> dict[str, object]:
    item: dict[str, object] = {"id": pair.id} if pair.id else {}
    item |= {"relation": pair.relation or _NO_RELATION, "token": list(pair.sentence.tokens)}
    for name, entity in (("subj", pair.head), ("obj", pair.tail)):
        item[f"{name}_start"], item[f"{name}_end"] = entity.start, entity.end - 1
        item[f"{name}_type"] = entity.type
    return item


def _recognises(sample: Sample) -> bool:
    return sample.is_array and sample.keys >= {"token", *_BORDERS}


TACRED = Format(
    "tacred",
    "TACRED JSON: an array of sentences with a subject, an object and their relation",
    _read,
    _write,
    _recognises,
    needs='a JSON array of objects with "token", "subj_start" and "obj_start"',
)
