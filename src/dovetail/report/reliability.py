"""A table of the reliability of confidences, type by type."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.evaluation import Interval
from dovetail.evaluation.calibration import share_interval
from dovetail.report.scored import ScoredCorpus


@dataclass(frozen=True, slots=True)
class ReliabilityRow:
    """The confidences of one type, and how often it is right."""

    task: str
    type: str
    count: int
    confidence: float
    right: float
    interval: Interval
    error: float


def reliability_rows(corpus: ScoredCorpus) -> list[ReliabilityRow]:
    """The types of which something was predicted with a confidence, task after task."""
    rows = []
    for task, by_type in corpus.calibration_by_type.items():
        for type_, own in by_type.items():
            right = sum(round(bin_.right * bin_.count) for bin_ in own.bins)
            mean = sum(bin_.confidence * bin_.count for bin_ in own.bins) / own.count
            interval = share_interval(right, own.count)
            rows.append(
                ReliabilityRow(
                    *(task, type_, own.count, mean, right / own.count, interval),
                    own.expected_error,
                )
            )
    return rows
