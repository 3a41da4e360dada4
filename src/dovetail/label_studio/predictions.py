"""What a model found in a text, as a prediction that the labelling config has room for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dovetail.corpora.formats.label_studio.label_studio_writer import RELATED
from dovetail.corpora.formats.label_studio.results import prediction_of, results_of
from dovetail.corpora.ledger import Tally
from dovetail.corpora.writing.raw_text import raw_document
from dovetail.label_studio.labelling_config import LabellingConfig
from dovetail.text.document import Document, Sentence


def prediction(
    document: Document, config: LabellingConfig, *, task: str, version: str
) -> dict[str, Any]:
    """The prediction for a task; what has no label in the config is left out."""
    sentences = tuple(fitting(own, config) for own in document.sentences)
    raw = raw_document(replace(document, sentences=sentences), Tally())
    results = results_of(raw, prefix=f"{task}-", tags=config.tags)
    for item in results:
        if item["type"] == "relation" and item["labels"] == [RELATED] and not config.relations:
            item["labels"] = []
    return prediction_of(raw, results, version)


def fitting(sentence: Sentence, config: LabellingConfig) -> Sentence:
    """A sentence with those of its annotations that the config has labels for."""
    entities = {own for own in sentence.entities if own.type in config.from_names}
    relations = {
        own
        for own in sentence.relations
        if config.has_relation(own.type) and {own.head, own.tail} <= entities
    }
    return sentence.with_annotations(entities, relations)
