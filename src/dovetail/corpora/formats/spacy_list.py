"""spaCy's training lists, ``[["text", {"entities": [[0, 4, "ORG"]]}]]``: they are only read.

Programs that annotate for spaCy write the same list as ``annotations`` of an object with
``classes``.  The positions count characters; the texts have no names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT
from dovetail.corpora.marking.flat_spans import check_span
from dovetail.corpora.marking.marked_text import CharacterEntity, MarkedText
from dovetail.corpora.source.json_records import Record, check_characters, describe
from dovetail.corpora.source.json_text import json_values
from dovetail.errors import CorpusFormatError
from dovetail.text.document import ENTITY_TASK

_WRAPPED = frozenset(["classes", "annotations"])


def _read(source: Source) -> list[MarkedText]:
    texts = []
    for item in json_values(source.text(), source.path):
        with source.faults.guard(DOCUMENT, item.where.rsplit("/", 1)[-1]):
            for value, where in _pairs(item.value(), item.where):
                with source.faults.guard(DOCUMENT, where.rsplit("/", 1)[-1]):
                    texts.append(_text(value, where, source))
    if not texts and not source.faults.found:
        raise CorpusFormatError(f"{source.path} has no text; expected a corpus")
    return texts


def _pairs(value: object, where: str) -> Iterator[tuple[object, str]]:
    """The item itself, or those of an object with ``annotations``, in which null is no item."""
    if not isinstance(value, dict):
        yield value, where
        return
    for position, item in enumerate(Record(value, where).items("annotations")):
        if item is not None:
            yield item, f"{where}: annotations[{position}]"


def _text(value: object, where: str, source: Source) -> MarkedText:
    pair = _pair(value)
    if pair is None:
        raise CorpusFormatError(
            f'{where}: expected ["text", {{"entities": [[0, 4, "ORG"]]}}], found {describe(value)}'
        )
    text, annotations = pair
    check_characters(text, where)
    record = Record(annotations, where)
    for name in sorted(annotations.keys() - {"entities"}):
        source.tally.note(f"field {name!r} is not read")
    entities = []
    for position, item in enumerate(record.items("entities") if "entities" in record else []):
        at = f"{where}: entities[{position}]"
        (start, end), type_ = check_span(item, 2, at)
        entities.append(CharacterEntity(start, end, type_, at))
    annotated = frozenset([ENTITY_TASK] if "entities" in record else [])
    return MarkedText("", text, entities, [], where, annotated)


def _pair(value: object) -> tuple[str, dict[str, Any]] | None:
    """A text and what is said of it; None for anything else."""
    if isinstance(value, list) and len(value) == 2:
        text, annotations = value
        if isinstance(text, str) and isinstance(annotations, dict):
            return text, annotations
    return None


def _recognises(sample: Sample) -> bool:
    if sample.is_array:
        return bool(sample.values) and _pair(sample.values[0]) is not None
    return sample.keys == _WRAPPED


SPACY_LIST = Format(
    "spacy-list",
    "spaCy's training lists: a JSON array of texts with entities by character",
    _read,
    None,
    _recognises,
    needs='a JSON array of ["text", {"entities": [[start, end, type]]}]',
)
