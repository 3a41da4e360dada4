"""What a calibration comes to on sentences of which nothing was chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dovetail.evaluation import Evaluation, Score, evaluate
from dovetail.evaluation.calibration import (
    Judged,
    calibration,
    entities_by_type,
    relations_by_type,
)
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence


@dataclass(frozen=True)
class Row:
    """A type of a task, or all of them: scores and calibration errors, before and after."""

    task: str
    type: str
    before: Score
    after: Score
    error_before: float
    error_after: float

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "task": self.task,
            "type": self.type,
            "before": {**self.before.to_dict(), "calibration_error": self.error_before},
            "after": {**self.after.to_dict(), "calibration_error": self.error_after},
        }


@dataclass(frozen=True)
class OnTest:
    """What is reached on a corpus; of each task the row of all types comes first."""

    source: str
    sentences: int
    rows: Sequence[Row]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        rows = [row.to_dict() for row in self.rows]
        return {"source": self.source, "sentences": self.sentences, "rows": rows}


ByType = Callable[[Sequence[Sentence]], Mapping[str, Sequence[Judged]]]


def compared(
    source: str,
    gold: Sequence[Sentence],
    before: Sequence[Sentence],
    after: Sequence[Sentence],
    symmetric: frozenset[str],
) -> OnTest:
    """Compare what a model predicts before it is calibrated and afterwards."""
    scores = [
        evaluate(gold, own, symmetric=symmetric, bootstrap_samples=0) for own in (before, after)
    ]
    judged: dict[str, ByType] = {
        ENTITY_TASK: partial(entities_by_type, gold),
        RELATION_TASK: partial(relations_by_type, gold, symmetric=symmetric),
    }
    rows = []
    for task, by_type in judged.items():
        pairs = [by_type(own) for own in (before, after)]
        counts = [_scores(own, task) for own in scores]
        for type_ in ("", *sorted({*counts[0], *counts[1]} - {""})):
            errors = [_error(own, type_) for own in pairs]
            nothing = Score(0, 0, 0)
            own = [score.get(type_, nothing) for score in counts]
            rows.append(Row(task, type_, own[0], own[1], errors[0], errors[1]))
    return OnTest(source, len(gold), rows)


def _scores(evaluation: Evaluation, task: str) -> dict[str, Score]:
    """Those of each type, and of all under no name."""
    of_task = {ENTITY_TASK: evaluation.entity_strict, RELATION_TASK: evaluation.relation_strict}
    strict = of_task[task]
    return {"": strict.micro, **strict.by_type}


def _error(pairs: Mapping[str, Sequence[Judged]], type_: str) -> float:
    chosen = [pairs.get(type_, ())] if type_ else pairs.values()
    return calibration(pair for own in chosen for pair in own).expected_error
