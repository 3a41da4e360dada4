"""What calibrating found: the scale and the threshold of each type, and what they stand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dovetail.evaluation.calibration import Calibration
from dovetail.evaluation.operating_points import OperatingPoint, Wanted
from dovetail.text.confidence import Confidence, Scale


@dataclass(frozen=True)
class TypeCalibration:
    """What was found of one type on the sentences.

    `examples` are the predictions that the scale was fitted to; `before` and `after` are of those
    that the model takes as it was.  `point` is what is reached where something was wanted, and
    `is_common` says that the threshold is that of all types, since there are too few examples.
    """

    task: str
    type: str
    examples: int
    scale: Scale
    threshold: float
    before: Calibration
    after: Calibration
    point: OperatingPoint | None = None
    is_common: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "task": self.task,
            "type": self.type,
            "examples": self.examples,
            "temperature": self.scale.temperature,
            "offset": self.scale.offset,
            "threshold": self.threshold,
            "calibration_error": {
                "before": self.before.expected_error,
                "after": self.after.expected_error,
            },
            "reached": None if self.point is None else self.point.to_dict(),
            "is_common_threshold": self.is_common,
        }


@dataclass(frozen=True)
class Calibrated:
    """The confidences of a schema, its thresholds, and what they were found from."""

    schema: str
    confidence: Confidence
    thresholds: Sequence[float]
    sentences: int
    types: Sequence[TypeCalibration]
    wanted: Wanted | None = None
    errors: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values; the errors are those of all types of a task together."""
        return {
            "schema": self.schema,
            "sentences": self.sentences,
            "wanted": str(self.wanted) if self.wanted else None,
            "calibration_error": {
                task: {"before": before, "after": after}
                for task, (before, after) in self.errors.items()
            },
            "types": [own.to_dict() for own in self.types],
        }
