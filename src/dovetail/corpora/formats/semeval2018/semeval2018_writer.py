"""Writes the two files of SemEval-2018 task 7: texts with entities in XML, and relations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import drop_relation, drop_sentence
from dovetail.corpora.marking.flat import flat_entities
from dovetail.corpora.marking.marked_pairs import UNTYPED
from dovetail.corpora.writing.raw_text import WHITE_SPACE_ONLY
from dovetail.corpora.writing.writable import is_writable, note_confidences
from dovetail.files.writing import write_text
from dovetail.text.document import TASKS, Document, Entity, Relation, Sentence, character_span

RELATIONS = ".relations.txt"
"""How the name of the file of relations ends."""

UNWRITABLE = "the document has characters that XML cannot hold"
UNWRITABLE_TYPE = "its type holds a bracket, or white space around it"
NOT_FLAT = "an argument overlaps another entity and was dropped"
_NAME = re.compile(r"[^\s(),<>&\"']+")
_TYPE = re.compile(r"[^()\r\n]+")
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def relations_beside(path: Path) -> Path:
    """The file of relations that belongs to a file of texts."""
    stem = path.name.removesuffix(".xml").removesuffix(".text")
    return path.with_name(stem + RELATIONS)


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write the texts to the path, and the relations to the file beside it."""
    texts: list[str] = []
    relations: list[str] = []
    taken: set[str] = set()
    for number, document in enumerate(documents, start=1):
        if _NO_XML.search(document.text):
            tally.drop(Drop(document.id, DOCUMENT, UNWRITABLE))
            for sentence in document.sentences:
                drop_sentence(tally, document.id, sentence, UNWRITABLE)
            continue
        name = document.id
        if not _NAME.fullmatch(name) or name in taken:
            tally.note("document: its id is no name in this format, so it was given a number")
            name = f"document-{number:06}"
            while name in taken:
                name += "-"
        taken.add(name)
        text, links = _text(document, name, tally)
        texts.append(text)
        relations += links
    content = "".join(f"{text}\n" for text in texts)
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n<doc>\n{content}</doc>\n')
    write_text(relations_beside(path), "".join(f"{line}\n" for line in relations))


def _text(document: Document, name: str, tally: Tally) -> tuple[str, list[str]]:
    """The element of a document, and the lines of its relations."""
    tally.keep(DOCUMENT)
    tally.note("document: it is cut into sentences and tokens anew when it is read")
    spans: list[tuple[int, int]] = []
    lines: list[str] = []
    for sentence in document.sentences:
        if not is_writable(document, sentence, tally):
            continue
        tally.keep(SENTENCE)
        note_confidences(sentence, tally)
        tally.note(
            "sentence: for which tasks it is annotated is not held",
            sentence.annotated != frozenset(TASKS),
        )
        names = {}
        for entity in _entities(document, sentence, tally):
            spans.append(character_span(sentence, entity))
            names[entity] = f"{name}.{len(spans)}"
        lines += _relations(document, sentence, names, tally)
    parts, end = [f'<text id="{name}"><abstract>'], 0
    for number, (start, after) in sorted(enumerate(spans, 1), key=lambda item: item[1]):
        parts.append(_escape(document.text[end:start]))
        covered = _escape(document.text[start:after])
        parts.append(f'<entity id="{name}.{number}">{covered}</entity>')
        end = after
    parts.append(_escape(document.text[end:]))
    return "".join([*parts, "</abstract></text>"]), lines


def _escape(text: str) -> str:
    """Text between tags; a carriage return is spelt, for XML takes a plain one for a line feed."""
    return escape(text, quote=False).replace("\r", "&#13;")


def _entities(document: Document, sentence: Sentence, tally: Tally) -> list[Entity]:
    """The entities that the format holds: they do not overlap, and have something in them."""
    blank = [item for item in sentence.entities if not document.surface(sentence, item).strip()]
    for entity in sorted(blank):
        tally.drop(Drop(document.id, ENTITY, WHITE_SPACE_ONLY, *entity.span, type=entity.type))
    rest = Sentence(sentence.tokens, sentence.offsets, sentence.entities - frozenset(blank))
    held = flat_entities(document.id, rest, tally)
    tally.note("entity: its type is not held", sum(item.type != UNTYPED for item in held))
    return held


def _relations(
    document: Document, sentence: Sentence, names: dict[Entity, str], tally: Tally
) -> list[str]:
    lines = []
    for relation in sentence.sorted_relations:
        if reason := _reason(relation, names):
            drop_relation(tally, document.id, relation, reason)
            continue
        tally.keep(RELATION)
        head, tail = names[relation.head], names[relation.tail]
        lines.append(f"{relation.type}({head},{tail})")
    return lines


def _reason(relation: Relation, names: dict[Entity, str]) -> str:
    """Why a relation cannot be written; empty if it can."""
    if relation.head not in names or relation.tail not in names:
        return NOT_FLAT
    type_ = relation.type
    return "" if _TYPE.fullmatch(type_) and type_ == type_.strip() else UNWRITABLE_TYPE
