"""brat standoff, the writer: a folder with a ``.txt`` and an ``.ann`` file for each document."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dovetail.corpora.ledger import DOCUMENT, ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.corpora.writing.folders import file_names, write_folder
from dovetail.corpora.writing.raw_text import CUT_ANEW, NO_ARGUMENT, WHITE_SPACE_ONLY
from dovetail.corpora.writing.writable import is_writable, note_confidences
from dovetail.text.document import TASKS, Document, Entity, Sentence, character_pieces

UNWRITABLE_TYPE = "its type holds white space, which brat's lines cannot"
_LINE_BREAKS = re.compile(r"[^\r\n]+")


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write a folder that does not exist yet, or is empty; it appears at once.

    Raises:
        CorpusError: if there is something at the path.
        OutputError: if it cannot be written.
    """
    names = file_names(documents, tally)
    contents = (
        file
        for name, document in zip(names, documents, strict=True)
        for file in (
            (f"{name}.txt", document.text),
            (f"{name}.ann", _annotations(document, tally)),
        )
    )
    write_folder(path, contents, ".txt and .ann files")


def _annotations(document: Document, tally: Tally) -> str:
    tally.keep(DOCUMENT)
    tally.note(CUT_ANEW)
    lines: list[str] = []
    for sentence in document.sentences:
        if is_writable(document, sentence, tally):
            tally.keep(SENTENCE)
            _add_lines(document, sentence, lines, tally)
    return "".join(lines)


def _add_lines(document: Document, sentence: Sentence, lines: list[str], tally: Tally) -> None:
    """Add the lines of a sentence; the number of a line is its name, as T7 or R8."""
    names = {}
    for entity in sentence.sorted_entities:
        if reason := _unwritable(document.surface(sentence, entity), entity.type):
            tally.drop(Drop(document.id, ENTITY, reason, *entity.span, type=entity.type))
            continue
        tally.keep(ENTITY)
        names[entity] = f"T{len(lines) + 1}"
        # A line of the file cannot hold a line break, so the entity is written in fragments there.
        pieces = [
            piece
            for start, end in character_pieces(sentence, entity)
            for piece in _LINE_BREAKS.finditer(document.text, start, end)
        ]
        borders = ";".join(f"{piece.start()} {piece.end()}" for piece in pieces)
        words = " ".join(piece.group() for piece in pieces)
        lines.append(f"{names[entity]}\t{entity.type} {borders}\t{words}\n")
    _add_relations(document, sentence, names, lines, tally)
    note_confidences(sentence, tally)
    tally.note(
        "sentence: for which tasks it is annotated is not held",
        sentence.annotated != frozenset(TASKS),
    )


def _unwritable(surface: str, type_: str) -> str:
    """Why an entity cannot be written; empty if it can."""
    if type_.split() != [type_]:
        return UNWRITABLE_TYPE
    return "" if surface.strip() else WHITE_SPACE_ONLY


def _add_relations(
    document: Document,
    sentence: Sentence,
    names: Mapping[Entity, str],
    lines: list[str],
    tally: Tally,
) -> None:
    for relation in sentence.sorted_relations:
        arguments = [names.get(argument) for argument in (relation.head, relation.tail)]
        span = sorted([*relation.head.span, *relation.tail.span])
        if None in arguments or relation.type.split() != [relation.type]:
            reason = NO_ARGUMENT if None in arguments else UNWRITABLE_TYPE
            tally.drop(Drop(document.id, RELATION, reason, span[0], span[-1], type=relation.type))
            continue
        tally.keep(RELATION)
        head, tail = arguments
        lines.append(f"R{len(lines) + 1}\t{relation.type} Arg1:{head} Arg2:{tail}\n")
