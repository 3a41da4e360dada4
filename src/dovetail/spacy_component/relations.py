"""Relations on a `Doc`: kept as plain values in its user data, handed out with spans.

The values survive `Doc.to_bytes` and a `DocBin` that stores user data, and they name tokens, so
they hold whatever becomes of the span groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spacy.tokens import Doc, Span

from dovetail.errors import DovetailError

EXTENSION = "relations"

_KEY = ("._.", EXTENSION, None, None)
"""As spaCy names the value of `doc._.relations`, so that it is left out where tokens change."""


@dataclass(frozen=True, slots=True)
class SpanRelation:
    """A directed relation between two spans of a `Doc`, whose labels are their types."""

    head: Span
    tail: Span
    type: str
    confidence: float | None = None


def relations_of(doc: Doc) -> list[SpanRelation]:
    """The relations of a `Doc`: those of each component, in the order in which they ran.

    The same as ``doc._.relations``, for a process that has no such component.
    """
    return [
        SpanRelation(_span(doc, *head), _span(doc, *tail), type_, score)
        for records in _stored(doc).values()
        for head, tail, type_, score in records
    ]


def _span(doc: Doc, start: int, end: int, type_: str) -> Span:
    return Span(doc, start, end, label=type_)


def set_relations(
    doc: Doc, relations: Iterable[SpanRelation], *, spans_key: str = "dovetail"
) -> None:
    """Replace the relations that belong to a span group.

    Raises:
        ValueError: if a span is of another `Doc`.
    """
    records = []
    for relation in relations:
        for span in (relation.head, relation.tail):
            if span.doc is not doc:
                raise ValueError(f"the span {span.text!r} of a relation is of another Doc")
        arguments = [[span.start, span.end, span.label_] for span in (relation.head, relation.tail)]
        records.append([*arguments, relation.type, relation.confidence])
    _values(doc)[_KEY] = {**_stored(doc), spans_key: records}


def _values(doc: Doc) -> dict[Any, Any]:
    values: dict[Any, Any] = doc.user_data  # which spaCy declares to have names for keys
    return values


def _stored(doc: Doc) -> dict[str, Any]:
    stored: dict[str, Any] = _values(doc).get(_KEY, {})
    return stored


def _set_all(doc: Doc, relations: Iterable[SpanRelation]) -> None:
    """What ``doc._.relations = …`` does: these are all relations from now on."""
    _values(doc).pop(_KEY, None)
    set_relations(doc, relations)


def register() -> None:
    """Have ``doc._.relations``.

    Raises:
        DovetailError: if another package has an extension of this name.
    """
    if Doc.has_extension(EXTENSION):
        if Doc.get_extension(EXTENSION)[2] is relations_of:
            return
        raise DovetailError(
            f"doc._.{EXTENSION} is an extension of another package or of your own, and Dovetail "
            f"needs this name: rename that one, or remove it by Doc.remove_extension"
        )
    Doc.set_extension(EXTENSION, getter=relations_of, setter=_set_all)
