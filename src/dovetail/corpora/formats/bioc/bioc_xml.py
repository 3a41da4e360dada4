"""BioC's XML as the JSON objects that BioC's JSON has, document by document.

Entities, external references and deep nesting are refused, so no small file becomes a large one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import CorpusFormatError, MissingExtraError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DEEPEST = 20
"""Levels of elements; BioC has seven."""

_LISTS = {
    "passage": "passages",
    "sentence": "sentences",
    "annotation": "annotations",
    "relation": "relations",
    "location": "locations",
    "node": "nodes",
}
_NUMBERS = ("offset", "length")
# XML takes no half of a surrogate pair, so bytes that are not UTF-8 pass through its parser as
# characters that mean nothing to anybody.
_STAND_INS = {0xDC00 + byte: 0x10FE00 + byte for byte in range(0x80, 0x100)}
_UNDECODED = {stand_in: character for character, stand_in in _STAND_INS.items()}


def documents_from_xml(text: str, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the documents of a collection; memory holds the tree of one at a time.

    Raises:
        CorpusFormatError: if it is malformed, too deep, or defines or refers to entities.
        MissingExtraError: if defusedxml is not installed.
    """
    try:
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import ParseError, iterparse
    except ImportError as error:
        raise MissingExtraError("BioC's XML", extra="bioc") from error
    text = text.translate(_STAND_INS)
    try:
        # As characters, so that an encoding that the file declares is not believed.
        yield from _documents(iterparse(StringIO(text), events=("start", "end")), path)
    except DefusedXmlException as error:
        raise CorpusFormatError(
            f"{path} defines entities or refers to other files ({type(error).__name__}), which "
            f"nothing in BioC needs, and which is not followed; write the text itself"
        ) from error
    except ParseError as error:
        line, column = error.position
        reason = str(error).partition(":")[0]
        raise CorpusFormatError(
            f"{path}:{line}: malformed XML at column {column}: {reason}; write the file with an "
            f"XML library"
        ) from error


def _documents(events: Iterator[tuple[str, Element[str]]], path: Path) -> Iterator[dict[str, Any]]:
    open_elements: list[Element[str]] = []
    for event, element in events:
        if event == "start":
            open_elements.append(element)
            if len(open_elements) > DEEPEST:
                raise CorpusFormatError(
                    f"{path}: elements nested more than {DEEPEST} deep, as {element.tag[:60]!r}; "
                    f"expected a BioC collection"
                )
            if len(open_elements) == 1 and element.tag != "collection":
                raise CorpusFormatError(
                    f"{path}: expected the element 'collection', found {element.tag[:60]!r}"
                )
            continue
        open_elements.pop()
        if element.tag == "document" and len(open_elements) == 1:
            yield _record(element)
            open_elements[0].clear()


def _record(element: Element[str]) -> dict[str, Any]:
    """An element as BioC's JSON has it; of two infons with one key the first stays."""
    record: dict[str, Any] = {name: _value(name, text) for name, text in element.attrib.items()}
    for child in element:
        if child.tag in _LISTS:
            record.setdefault(_LISTS[child.tag], []).append(_record(child))
        elif child.tag == "infon":
            record.setdefault("infons", {}).setdefault(
                child.get("key", ""), _value("", child.text or "")
            )
        else:
            record[child.tag] = _value(child.tag, child.text or "")
    return record


def _value(name: str, text: str) -> str | int:
    if name in _NUMBERS and re.fullmatch(r"\s*[0-9]{1,12}\s*", text):
        return int(text)
    return text.translate(_UNDECODED)
