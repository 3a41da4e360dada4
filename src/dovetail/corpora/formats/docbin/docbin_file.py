"""The bytes of a DocBin as plain values, checked; nothing in them is executed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.corpora.source.text_files import read_content
from dovetail.errors import CorpusFormatError

LARGEST = 1 << 30
"""Bytes that a file may unfold to."""

_SPAN_LAYOUTS = {40: ">QQQllll", 32: ">QQllll"}  # the second before spaCy 3.5, without an id


@dataclass(frozen=True, slots=True)
class Span:
    """A typed span of a span group, at half-open token positions."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class DocRecord:
    """What Dovetail reads of a `Doc`.

    `tags` are those of ``doc.ents``, as ``B-ORG``, ``O``, or empty where it is not known.  `starts`
    says of each token whether it begins a sentence; None where that is not known.
    """

    words: list[str]
    spaces: list[bool]
    tags: list[str]
    starts: list[bool | None]
    groups: dict[str, list[Span]]
    user_data: Mapping[Any, Any]


def is_docbin(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a DocBin."""
    try:
        return b"attrs" in zlib.decompressobj().decompress(head, 100)
    except zlib.error:
        return False


def unpack(content: bytes, where: str) -> Any:
    """The plain values of a msgpack message, arrays as tuples.

    Raises:
        CorpusFormatError: if it is none.
    """
    from srsly import msgpack

    try:
        # With a hook of our own, none of those that packages register is called.
        return msgpack.unpackb(
            content, raw=False, use_list=False, strict_map_key=False, object_pairs_hook=dict
        )
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise CorpusFormatError(
            f"{where}: msgpack that cannot be read ({error}); write the file again with spaCy"
        ) from error


def read_docbin(path: Path) -> list[DocRecord]:
    """The documents of a file.

    Raises:
        CorpusFormatError: if it is not a DocBin, or unfolds to more than `LARGEST` bytes.
    """
    message = unpack(_inflated(path), str(path))
    fields = ("attrs", "tokens", "spaces", "lengths", "strings")
    if not isinstance(message, dict) or not all(name in message for name in fields):
        raise CorpusFormatError(
            f"{path}: expected a DocBin with {', '.join(fields)}; write it with DocBin.to_disk"
        )
    try:
        return list(_docs(message, path))
    except (AttributeError, LookupError, ValueError, TypeError, struct.error) as error:
        raise CorpusFormatError(
            f"{path}: a DocBin whose parts do not fit together ({error}); write it again with spaCy"
        ) from error


def _inflated(path: Path) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(read_content(path), LARGEST)
    except zlib.error as error:
        raise CorpusFormatError(
            f"{path} is no DocBin: expected zlib ({error}); write it with DocBin.to_disk"
        ) from error
    if inflater.unconsumed_tail:
        raise CorpusFormatError(
            f"{path} unfolds to more than {LARGEST:,} bytes; split the DocBin into several"
        )
    return content


def _docs(message: Mapping[str, Any], path: Path) -> Iterator[DocRecord]:
    import numpy as np
    from spacy.attrs import ENT_IOB, ENT_TYPE, ORTH, SENT_START
    from spacy.strings import StringStore

    attributes = list(message["attrs"])
    texts = StringStore(message["strings"])
    lengths = np.frombuffer(message["lengths"], dtype="<i4").tolist()
    table = np.frombuffer(message["tokens"], dtype="<u8").reshape(-1, len(attributes))
    spaces = np.frombuffer(message["spaces"], dtype=bool).tolist()
    if min(lengths, default=0) < 0 or sum(lengths) != len(table) or len(spaces) != len(table):
        raise ValueError(f"{len(table)} tokens, {len(spaces)} spaces, {sum(lengths)} by length")

    def column(attribute: int, first: int, after: int) -> list[int] | None:
        if attribute not in attributes:
            return None
        values: list[int] = table[first:after, attributes.index(attribute)].tolist()
        return values

    first = 0
    for number, length in enumerate(lengths):
        where, after = f"{path}: document {number}", first + length
        kinds, types = (column(name, first, after) for name in (ENT_IOB, ENT_TYPE))
        unknown = _item(message, "flags", number, {}).get("has_unknown_spaces")
        yield DocRecord(
            [_known(texts, word) for word in column(ORTH, first, after) or ()],
            [True] * length if unknown else spaces[first:after],
            [_tag(kind, _known(texts, type_)) for kind, type_ in zip(kinds, types, strict=True)]
            if kinds is not None and types is not None
            else [""] * length,
            [_START.get(value) for value in column(SENT_START, first, after) or [0] * length],
            _groups(_item(message, "span_groups", number, b""), texts, where),
            _user_data(_item(message, "user_data", number, None), where),
        )
        first = after


_START = {1: True, (1 << 64) - 1: False}  # and 0: not known


def _item(message: Mapping[str, Any], name: str, number: int, default: Any) -> Any:
    """What a field has for a document; older files lack some fields."""
    values = message.get(name) or ()
    return values[number] if number < len(values) else default


def _known(texts: Any, code: int) -> str:
    text: str = texts[code]
    return text


def _tag(kind: int, type_: str) -> str:
    """The tag of a token by the codes of spaCy: 0 is unknown, 1 is I, 2 is O, and 3 is B."""
    if kind in (1, 3) and type_:
        return f"{'I' if kind == 1 else 'B'}-{type_}"
    return "O" if kind else ""


def _groups(content: bytes, texts: Any, where: str) -> dict[str, list[Span]]:
    """The span groups by name; the oldest files have them without the names."""
    message = unpack(content, where) if content else ()
    groups: dict[str, list[Span]] = {}
    listed = message.items() if isinstance(message, dict) else ((item, None) for item in message)
    for packed, names in listed:
        group = unpack(packed, where)
        spans = [_span(span, texts) for span in group["spans"]]
        for name in names or [group["name"]]:
            groups[str(name)] = spans
    return groups


def _span(packed: bytes, texts: Any) -> Span:
    *_, label, start, end, _, _ = struct.unpack(_SPAN_LAYOUTS[len(packed)], packed)
    return Span(start, end, _known(texts, label))


def _user_data(content: bytes | None, where: str) -> Mapping[Any, Any]:
    values = unpack(content, where) if content else {}
    return values if isinstance(values, dict) else {}
