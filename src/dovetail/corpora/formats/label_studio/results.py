"""Regions and relations as Label Studio has them, with the scores of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dovetail.corpora.writing.raw_text import RawDocument, RawEntity


class Tags(NamedTuple):
    """The tags of a labelling config that regions are of.

    `to_name` is that of the text, and `from_name` gives that of the labels for one of them.
    """

    to_name: str
    from_name: Callable[[str], str]


def results_of(document: RawDocument, *, prefix: str, tags: Tags) -> list[dict[str, Any]]:
    """The regions of a document, then its relations; names of regions begin with the prefix."""
    names = [f"{prefix}{position}" for position in range(1, len(document.entities) + 1)]
    regions = [
        {
            "id": name,
            "from_name": tags.from_name(entity.type),
            "to_name": tags.to_name,
            "type": "labels",
            "value": _value(entity),
            **_score(entity.confidence),
        }
        for name, entity in zip(names, document.entities, strict=True)
    ]
    relations = [
        {
            "type": "relation",
            "from_id": names[relation.head],
            "to_id": names[relation.tail],
            "direction": "right",
            "labels": [relation.type],
            **_score(relation.confidence),
        }
        for relation in document.relations
    ]
    return [*regions, *relations]


def prediction_of(
    document: RawDocument, results: Sequence[dict[str, Any]], version: str
) -> dict[str, Any]:
    """What a version of a model predicts for a task; its score is the mean of its entities'."""
    scores = [item.confidence for item in document.entities if item.confidence is not None]
    mean = {"score": sum(scores) / len(scores)} if scores else {}
    return {"model_version": version, **mean, "result": [*results]}


def _value(entity: RawEntity) -> dict[str, Any]:
    return {
        "start": entity.start,
        "end": entity.end,
        "text": entity.surface,
        "labels": [entity.type],
    }


def _score(confidence: float | None) -> dict[str, float]:
    return {} if confidence is None else {"score": confidence}
