"""What an ensemble decides by, where that is not the mean of its members: in its description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dovetail.errors import ModelError
from dovetail.heads.relation.relation_head import UNREACHABLE
from dovetail.model.ensemble import Ensemble
from dovetail.text.confidence import Confidence

DECISIONS = "decisions"


def own_decisions(ensemble: Ensemble) -> dict[str, Any]:
    """The thresholds and scales of each schema that has its own, under one name; else nothing."""
    own = {
        name: {
            "thresholds": {}
            if heads.relation_head is None
            else dict(
                zip(heads.schema.relation_types, heads.relation_head.known_thresholds, strict=True)
            ),
            "confidence": heads.confidence.to_dict(),
        }
        for name, heads in ensemble.own.items()
    }
    return {DECISIONS: own} if own else {}


def described_decisions(description: Mapping[str, Any]) -> str:
    """What a description says of them, always in the same words; empty if nothing."""
    own = description.get(DECISIONS)
    return json.dumps(own, sort_keys=True, ensure_ascii=False) if own else ""


def decide_as_described(ensemble: Ensemble, description: Mapping[str, Any], folder: Path) -> None:
    """Let an ensemble decide by what its description says.

    Raises:
        ModelError: if that is of other schemas or types, or holds a number out of its bounds.
    """
    own = description.get(DECISIONS, {})
    try:
        if not isinstance(own, dict) or not own.keys() <= ensemble.heads.keys():
            raise ValueError(f"expected {DECISIONS} by the names of the schemas")
        for name, values in own.items():
            _decide(ensemble, name, values)
    except ValueError as error:
        raise ModelError(f"the ensemble {folder} is damaged: {error}") from error


def _decide(ensemble: Ensemble, name: str, values: Any) -> None:
    if not isinstance(values, dict) or values.keys() != {"thresholds", "confidence"}:
        raise ValueError(f"expected thresholds and confidence in {DECISIONS}, found {values!r}")
    heads = ensemble.of_schema(name)
    types = heads.schema.relation_types
    thresholds = values["thresholds"]
    known = types if heads.relation_head is not None else ()
    if not isinstance(thresholds, dict) or thresholds.keys() != {*known}:
        raise ValueError(f"expected a threshold for each relation type, found {thresholds!r}")
    for type_, own in thresholds.items():
        if type(own) not in (int, float) or not 0 <= own <= UNREACHABLE:
            raise ValueError(
                f"the threshold of {type_} is {own!r}, expected a number from 0 to {UNREACHABLE:g}"
            )
    if heads.relation_head is not None:
        heads.relation_head.set_thresholds([thresholds[type_] for type_ in types])
    entity_types = heads.schema.entity_types
    confidence = Confidence.from_dict(values["confidence"], entity_types, types)
    ensemble.set_confidence(name, confidence)
