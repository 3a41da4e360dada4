"""Confidences in the file that describes a model, by the names of its schemas."""

from __future__ import annotations

from typing import Any

from dovetail.model.joint import JointModel
from dovetail.text.confidence import Confidence


def described_confidence(model: JointModel) -> dict[str, Any]:
    """What becomes of the confidences of each schema, where anything does."""
    return {name: own.confidence.to_dict() for name, own in model.heads.items() if own.confidence}


def set_confidence(model: JointModel, described: Any) -> None:
    """Take what `described_confidence` gave.

    Raises:
        ValueError: if it is of another form, or of other types or schemas.
    """
    if not isinstance(described, dict) or not described.keys() <= model.heads.keys():
        raise ValueError("expected confidences by the names of the schemas")
    for name, values in described.items():
        schema = model.of_schema(name).schema
        types = (schema.entity_types, schema.relation_types)
        model.set_confidence(name, Confidence.from_dict(values, *types))
