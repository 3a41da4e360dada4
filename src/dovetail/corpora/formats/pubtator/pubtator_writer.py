"""PubTator, the writer: a title, an abstract, and a line for each mention and relation.

Relations hold between concepts, so every mention that is an argument gets a concept of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dovetail.corpora.ledger import Tally
from dovetail.corpora.writing.standoff import standoff_of, unique_names
from dovetail.files.writing import write_text
from dovetail.text.document import Document

UNWRITABLE_TYPE = "its type holds a tab or a line break, or is a number: PubTator's lines cannot"
_BREAKS = re.compile(r"[\t\r\n]")
_LINE_BREAKS = re.compile(r"[\r\n]")
_NAME = re.compile(r"[^|\t\r\n\ufeff]{1,200}")
_NO_CONCEPT = "-"


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write documents; the first line of a text is its title."""
    ids = [document.id for document in documents]
    names = unique_names(ids, tally, lambda id: bool(_NAME.fullmatch(id) and id.strip()))
    blocks = [
        _block(name, document, tally) for name, document in zip(names, documents, strict=True)
    ]
    write_text(path, "\n".join(blocks))


def _block(name: str, document: Document, tally: Tally) -> str:
    found = standoff_of(document, tally, _why_not)
    title, _, abstract = document.text.partition("\n")
    lines = [
        f"{name}|{kind}|{_line(part, tally)}" for kind, part in (("t", title), ("a", abstract))
    ]
    arguments = {argument for link in found.links for argument in (link.head, link.tail)}
    for mention in found.mentions:
        surface = _BREAKS.sub(" ", document.text[mention.start : mention.end])
        concept = mention.name if mention.name in arguments else _NO_CONCEPT
        lines.append(
            f"{name}\t{mention.start}\t{mention.end}\t{surface}\t{mention.type}\t{concept}"
        )
    tally.note("entity: as an argument it got a concept of its own", len(arguments))
    lines += (f"{name}\t{link.type}\t{link.head}\t{link.tail}" for link in found.links)
    return "".join(f"{line}\n" for line in lines)


def _line(text: str, tally: Tally) -> str:
    held, changed = _LINE_BREAKS.subn(" ", text)
    tally.note("text: a line break behind the title became a space", changed)
    return held


def _why_not(type_: str) -> str:
    spoiled = not type_ or _BREAKS.search(type_) or re.fullmatch(r"[0-9]+", type_)
    return UNWRITABLE_TYPE if spoiled else ""
