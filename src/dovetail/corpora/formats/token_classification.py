"""Hugging Face token classification: JSON objects with ``tokens`` and a tag for each of them.

Tags are texts in any scheme of `tags`, or the numbers of names that a ``dataset_info.json`` beside
the file, or the metadata of an Arrow schema, gives.  Relations are not held.
Source: https://huggingface.co/docs/transformers/tasks/token_classification
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dovetail.corpora.format import Format, Sample, Source
from dovetail.corpora.ledger import DOCUMENT, SENTENCE, Drop, Tally
from dovetail.corpora.marking.assembly import Place, SentenceBuilder
from dovetail.corpora.marking.flat import flat_entities
from dovetail.corpora.marking.tag_columns import entities_from_tags
from dovetail.corpora.source.json_records import Record
from dovetail.corpora.source.json_text import json_values
from dovetail.corpora.source.text_files import parse_json, read_text
from dovetail.corpora.writing.writable import leave_out_relations, note_losses, writable_sentences
from dovetail.errors import CorpusFormatError
from dovetail.files.writing import write_text
from dovetail.text.document import ENTITY_TASK, Document, Sentence

TOKEN_FIELDS = ("tokens", "words")
TAG_FIELDS = ("ner_tags", "ner_labels", "ner", "bio_tags", "tags", "labels")
NO_RELATIONS = "a tag for each token holds no relations"
NO_TOKENS = "it has no tokens"
INFO_FILES = ("dataset_info.json", "dataset_infos.json")

Names = Mapping[str, Sequence[str]]
"""The names that the numbers of a field stand for."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Where the rows of a corpus have their tokens and tags."""

    tokens: str
    tags: str

    @classmethod
    def of(cls, names: Iterable[str], where: str) -> Fields:
        """Choose among the fields of a row.

        Raises:
            CorpusFormatError: if there are no tokens or no tags.
        """
        present = list(names)
        tokens = next((name for name in TOKEN_FIELDS if name in present), None)
        tags = next((name for name in TAG_FIELDS if name in present), None)
        if tokens is None or tags is None:
            raise CorpusFormatError(
                f"{where}: expected the fields 'tokens' and 'ner_tags', found "
                f"{', '.join(map(repr, present)) or 'none'}; rename them"
            )
        return cls(tokens, tags)


def documents_of_rows(rows: Iterable[Record], names: Names, source: Source) -> list[Document]:
    """Read rows, each of which is a sentence; what breaks is a fault of its row."""
    documents = []
    for record in rows:
        with source.faults.guard(DOCUMENT, record.where.rsplit("/", 1)[-1]):
            document = _document(record, names, source)
            if document is not None:
                documents.append(document)
    if not documents and not source.faults.found:
        raise CorpusFormatError(f"{source.path} has no row with tokens; expected a corpus")
    return documents


def _document(record: Record, names: Names, source: Source) -> Document | None:
    fields = Fields.of(record.values, record.where)
    id = record.identifier("id")
    source.tally.read(DOCUMENT)
    source.tally.read(SENTENCE)
    for name in sorted(record.values.keys() - {fields.tokens, fields.tags, "id"}):
        source.tally.note(f"field {name!r} is not read")
    place = Place(source.tally, id or record.where.rsplit("/", 1)[-1], record.where)
    if not record.items(fields.tokens):
        for kind in (DOCUMENT, SENTENCE):
            source.tally.drop(Drop(place.document_id, kind, NO_TOKENS))
        return None
    tokens, tags = record.tokens(fields.tokens), record.items(fields.tags)
    if len(tags) != len(tokens):
        record.fail(f"{len(tokens)} tokens and {len(tags)} of {fields.tags!r}; expected one each")
    builder = SentenceBuilder(place, tokens)
    for start, end, type_ in entities_from_tags(
        [_named(tag, fields.tags, names, record) for tag in tags], record.where
    ):
        builder.add_entity(start, end, type_)
    return Document.from_sentence(builder.sentence(id=id, annotated=[ENTITY_TASK]))


def _named(tag: object, field: str, names: Names, record: Record) -> object:
    """The tag that a number stands for; a text stands for itself."""
    if isinstance(tag, bool) or not isinstance(tag, int):
        return tag
    known = names.get(field)
    if known is None:
        record.fail(
            f"{field!r} holds numbers, and nothing says which tags they stand for; write the tags "
            f"as texts ('B-PER'), or put a {INFO_FILES[0]} beside the file: "
            f'{{"features": {{"{field}": {{"feature": {{"names": ["O", "B-PER", …]}}}}}}}}'
        )
    if not 0 <= tag < len(known):
        record.fail(f"{field!r}: {tag} is none of the {len(known)} named tags, counted from 0")
    return known[tag]


def names_in(info: object) -> dict[str, list[str]]:
    """The names of numbered tags by field, as a ``dataset_info.json`` has them.

    An older file has one such object for each configuration; the first one counts.
    """
    if not isinstance(info, dict):
        return {}
    features = info.get("features")
    if not isinstance(features, dict):
        return next((found for value in info.values() if (found := names_in(value))), {})
    listed = {field: _names(feature) for field, feature in features.items()}
    return {field: names for field, names in listed.items() if names}


def _names(feature: object) -> list[str]:
    """The names of a class label, which stands in a sequence or a list."""
    for _ in range(3):
        if isinstance(feature, list) and feature:
            feature = feature[0]
        elif isinstance(feature, dict) and isinstance(feature.get("names"), list):
            return [str(name) for name in feature["names"]]
        elif isinstance(feature, dict):
            feature = feature.get("feature")
    return []


def names_beside(folder: Path) -> dict[str, list[str]]:
    """The names that a description of the data set in a folder gives; none without one."""
    for name in INFO_FILES:
        path = folder / name
        if path.is_file():
            return names_in(parse_json(read_text(path), path))
    return {}


def _read(source: Source) -> list[Document]:
    names = names_beside(source.path.parent)
    return documents_of_rows(_records(source), names, source)


def _records(source: Source) -> Iterator[Record]:
    for item in json_values(source.text(), source.path):
        record = None
        with source.faults.guard(DOCUMENT, item.where.rsplit("/", 1)[-1]):
            record = item.record()
        if record is not None:
            yield record


def _write(documents: Sequence[Document], path: Path, tally: Tally) -> None:
    lines = [
        json.dumps({"id": id, "tokens": tokens, "ner_tags": tags}, ensure_ascii=False)
        for id, tokens, tags in rows_of(documents, tally)
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


def rows_of(
    documents: Sequence[Document], tally: Tally
) -> Iterator[tuple[str, list[str], list[str]]]:
    """The id, the tokens and the BIO tags of each sentence; the rest is dropped or noted."""
    note_losses(documents, tally, keeps_ids=True, keeps_annotated=True)
    for document, sentence in writable_sentences(documents, tally):
        leave_out_relations(document.id, sentence, NO_RELATIONS, tally)
        yield sentence.id, list(sentence.tokens), tags_of(document.id, sentence, tally)


def tags_of(document_id: str, sentence: Sentence, tally: Tally) -> list[str]:
    """The BIO tags of a sentence; of entities that overlap the longer one stays."""
    tags = ["O"] * len(sentence.tokens)
    for entity in flat_entities(document_id, sentence, tally):
        tags[entity.start] = f"B-{entity.type}"
        tags[entity.start + 1 : entity.end] = [f"I-{entity.type}"] * (entity.end - entity.start - 1)
    return tags


def _recognises(sample: Sample) -> bool:
    if not sample.records or ({"tokens", "tags"} <= sample.keys and sample.is_array):
        return False
    first = sample.records[0]
    tokens = next((first[name] for name in TOKEN_FIELDS if name in first), None)
    tags = next((first[name] for name in TAG_FIELDS if name in first), None)
    return (
        isinstance(tokens, list)
        and isinstance(tags, list)
        and len(tokens) == len(tags)
        and all(isinstance(token, str) for token in tokens)
        and all(isinstance(tag, str | int) for tag in tags)
    )


HUGGING_FACE = Format(
    "huggingface",
    "Hugging Face token classification: JSON lines with tokens and ner_tags; entities only",
    _read,
    _write,
    _recognises,
    needs="JSON objects with 'tokens' and as many 'ner_tags'",
)
