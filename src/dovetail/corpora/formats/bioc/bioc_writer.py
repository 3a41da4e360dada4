"""BioC, the writer: XML or JSON, one passage a document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from dovetail.corpora.ledger import Tally
from dovetail.corpora.writing.standoff import standoff_of
from dovetail.files.writing import write_text
from dovetail.text.document import Document

UNWRITABLE_TYPE = "its type is empty, or holds a character that XML cannot"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ud800-\udfff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT = "\ufffd"
_CARRIAGE_RETURN = {"\r": "&#13;"}
_HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'


def write_json(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write a collection in JSON."""
    records = [_record(document, tally, in_xml=False) for document in documents]
    collection = {"source": "Dovetail", "date": "", "key": "", "infons": {}, "documents": records}
    write_text(path, json.dumps(collection, ensure_ascii=False) + "\n")


def write_xml(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write a collection in XML."""
    records = [_record(document, tally, in_xml=True) for document in documents]
    head = "<collection><source>Dovetail</source><date></date><key></key>"
    body = "\n".join(_document_xml(record) for record in records)
    write_text(path, f"{_HEADER}{head}\n{body}\n</collection>\n")


def _record(document: Document, tally: Tally, *, in_xml: bool) -> dict[str, Any]:
    """A document as an object of BioC's JSON."""
    found = standoff_of(document, tally, _why_not_in_xml if in_xml else _why_not)
    text, id = document.text, document.id
    if in_xml:
        (text, replaced), (id, renamed) = _as_xml(text), _as_xml(id)
        tally.note("text: a character that XML cannot hold became U+FFFD", replaced)
        tally.note("document: a character of its id that XML cannot hold became U+FFFD", renamed)
    annotations = [
        {
            "id": mention.name,
            "infons": {"type": mention.type},
            "text": " ".join(text[start:end] for start, end in mention.pieces),
            "locations": [
                {"offset": start, "length": end - start} for start, end in mention.pieces
            ],
        }
        for mention in found.mentions
    ]
    relations = [
        {
            "id": link.name,
            "infons": {"type": link.type},
            "nodes": [{"refid": link.head, "role": "head"}, {"refid": link.tail, "role": "tail"}],
        }
        for link in found.links
    ]
    passage = {
        "offset": 0,
        "infons": {},
        "text": text,
        "sentences": [],
        "annotations": annotations,
        "relations": relations,
    }
    return {"id": id, "infons": {}, "passages": [passage], "relations": []}


def _document_xml(record: Mapping[str, Any]) -> str:
    (passage,) = record["passages"]
    parts = [f"<offset>0</offset><text>{_text(passage['text'])}</text>"]
    for item in passage["annotations"]:
        locations = "".join(
            f'<location offset="{location["offset"]}" length="{location["length"]}"/>'
            for location in item["locations"]
        )
        parts.append(
            f'<annotation id="{item["id"]}"><infon key="type">{_text(item["infons"]["type"])}'
            f"</infon>{locations}"
            f"<text>{_text(item['text'])}</text></annotation>"
        )
    for item in passage["relations"]:
        nodes = "".join(
            f"<node refid={quoteattr(node['refid'])} role={quoteattr(node['role'])}/>"
            for node in item["nodes"]
        )
        parts.append(
            f'<relation id="{item["id"]}"><infon key="type">{_text(item["infons"]["type"])}'
            f"</infon>{nodes}</relation>"
        )
    passage_xml = "\n".join(parts)
    return f"<document><id>{_text(record['id'])}</id><passage>{passage_xml}</passage></document>"


def _text(text: str) -> str:
    return escape(text, _CARRIAGE_RETURN)


def _as_xml(text: str) -> tuple[str, int]:
    return _NOT_XML.subn(_REPLACEMENT, text)


def _why_not(type_: str) -> str:
    return "" if type_ else UNWRITABLE_TYPE


def _why_not_in_xml(type_: str) -> str:
    return UNWRITABLE_TYPE if not type_ or _NOT_XML.search(type_) else ""
