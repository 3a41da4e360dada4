"""Label Studio JSON, the writer: tasks to import, and beside them the labelling config.

A document with confidences was annotated by a model and becomes a prediction, with a score for
each region; any other becomes an annotation.
"""

from __future__ import annotations

import colorsys
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from dovetail.corpora.formats.label_studio.results import Tags, prediction_of, results_of
from dovetail.corpora.ledger import Tally
from dovetail.corpora.source.text_files import read_text
from dovetail.corpora.writing.raw_text import RawDocument, raw_document, tasks_to_write
from dovetail.files.writing import write_text
from dovetail.text.document import TASKS, Document

RELATED = "related"
"""The type of a relation that has none."""

_ENTITIES, _TEXT = "entities", "text"
_MARK = "<!-- Written by Dovetail -->"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    """Write the tasks, and beside them ``NAME.config.xml`` for the project's labelling setup."""
    raw = [raw_document(document, tally) for document in documents]
    tasks = [_task(document, number) for number, document in enumerate(raw, start=1)]
    _note_losses(raw, tally)
    write_text(
        path, "[" + ",\n".join(json.dumps(task, ensure_ascii=False) for task in tasks) + "]\n"
    )
    if path.is_file():  # and not a device or a pipe, beside which nothing is to appear
        _write_config(path.with_name(f"{path.stem}.config.xml"), raw, tally)


def _write_config(path: Path, documents: Sequence[RawDocument], tally: Tally) -> None:
    """Write the config, unless there is a file of its name that somebody else wrote."""
    if path.exists() and not (path.is_file() and _MARK in read_text(path, may_be_empty=True)):
        tally.note(f"labelling config: not written, for there is a file {path.name}")
        return
    write_text(path, labelling_config(documents, tally))
    tally.note(f"labelling config: written beside it, as {path.name}")


def _note_losses(documents: Sequence[RawDocument], tally: Tally) -> None:
    for document in documents:
        tally.note(
            "document: written as a model's prediction, so read as annotated for nothing",
            document.is_scored,
        )
        tally.note(
            "document: for which tasks it is annotated is not held",
            not document.is_scored and document.annotated not in (frozenset(), frozenset(TASKS)),
        )


def _task(document: RawDocument, number: int) -> dict[str, Any]:
    data = {"text": document.text, **({"id": document.id} if document.id else {})}
    task: dict[str, Any] = {"data": data}
    # Label Studio wants names of regions that are unique in the whole project.
    results = results_of(document, prefix=f"{number}-", tags=Tags(_TEXT, lambda label: _ENTITIES))
    if document.is_scored:
        task["predictions"] = [prediction_of(document, results, "dovetail")]
    elif tasks_to_write(document):
        task["annotations"] = [{"result": results}]
    return task


def labelling_config(documents: Sequence[RawDocument], tally: Tally) -> str:
    """The XML of a project's labelling setup, with every type that the documents have."""
    entities = {entity.type for document in documents for entity in document.entities}
    relations = {relation.type for document in documents for relation in document.relations}
    lines = ["<View>", f"  {_MARK}"]
    if relations:
        lines.append("  <Relations>")
        lines += (f"    <Relation value={quoted}/>" for quoted in _quoted(relations, tally))
        lines.append("  </Relations>")
    lines.append(f'  <Labels name="{_ENTITIES}" toName="{_TEXT}">')
    for position, quoted in enumerate(_quoted(entities, tally)):
        lines.append(f'    <Label value={quoted} background="{_colour(position)}"/>')
    lines += ["  </Labels>", f'  <Text name="{_TEXT}" value="$text"/>', "</View>"]
    return "\n".join(lines) + "\n"


def _quoted(types: set[str], tally: Tally) -> list[str]:
    """The types in the quotes of XML, without those that it cannot spell."""
    spelled = [type_ for type_ in sorted(types) if not _NOT_IN_XML.search(type_)]
    tally.note(
        "labelling config: a type with control characters is not in it", len(types) - len(spelled)
    )
    breaks = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
    return [quoteattr(type_, breaks) for type_ in spelled]


def _colour(position: int) -> str:
    """A colour for each type, far from those before it on the circle of hues."""
    red, green, blue = colorsys.hls_to_rgb(position * 0.618034 % 1, 0.5, 0.7)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
