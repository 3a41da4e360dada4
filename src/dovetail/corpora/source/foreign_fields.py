"""Fields of other programs' annotations, which a line of Dovetail's own format must not swallow.

A line with such a field and without ``entities`` was annotated, and read as native it would seem
to say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dovetail.corpora.source.json_records import Record

FOREIGN_FIELDS: Mapping[str, str] = {
    "label": "doccano",
    "labels": "doccano, or Hugging Face token classification",
    "spans": "Prodigy, or spaCy",
    "ner_tags": "Hugging Face token classification",
    "tags": "Hugging Face token classification",
    "ner": "GLiNER or DyGIE",
    "ents": "spaCy",
    "annotations": "Label Studio, or BioC",
    "predictions": "Label Studio",
    "triples": "triples as language models write them",
    "triplets": "triples as language models write them",
    "relation_list": "triples as language models write them",
    "spo_list": "triples as language models write them",
    "h": "OpenNRE",
    "t": "OpenNRE",
    "vertexSet": "DocRED",
    "entity_mentions": "OneIE",
    "relation_mentions": "OneIE",
    "denotations": "PubAnnotation",
    "passages": "BioC",
}
"""Which formats hold annotations in a field of this name."""


def foreign_fields(values: Mapping[str, object]) -> Iterable[str]:
    """The names of the fields that hold another program's annotations.

    Annotations are lists or objects: a ``label`` that is a text is one of the whole document.
    """
    return [
        name
        for name, value in values.items()
        if name in FOREIGN_FIELDS and isinstance(value, list | dict)
    ]


def refuse_foreign(record: Record) -> None:
    """Refuse a native line that has another program's annotations and none of its own.

    Raises:
        CorpusFormatError: naming the field, and the formats that it is known from.
    """
    if "entities" in record or "sentences" in record:
        return
    for name in foreign_fields(record.values):
        record.fail(
            f"the field {name!r} looks like annotations of another program "
            f"({FOREIGN_FIELDS[name]}), and 'entities' is missing; name the format, or convert the "
            f"field to 'entities'"
        )
