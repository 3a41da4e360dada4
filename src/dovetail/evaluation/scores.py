"""The numbers that an evaluation gives: small frozen records, plain to read and to write as JSON.

A ratio whose denominator is zero is 0 throughout: the precision of a model that predicts nothing,
the recall where there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from dovetail.evaluation.alarm_counts import FALSE_ALARMS, FalseAlarms


def ratio(part: float, whole: float) -> float:
    """A part of a whole; 0 if there is no whole."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one class, or of all classes together."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        """The share of the predictions that is right; 0 if nothing is predicted."""
        return ratio(self.true_positives, self.predicted)

    @property
    def recall(self) -> float:
        """The share of the gold annotations that is found; 0 if there are none."""
        return ratio(self.true_positives, self.support)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 if there is neither gold nor prediction."""
        return ratio(2 * self.true_positives, self.predicted + self.support)

    @property
    def support(self) -> int:
        """The number of gold annotations."""
        return self.true_positives + self.false_negatives

    @property
    def predicted(self) -> int:
        """The number of predictions."""
        return self.true_positives + self.false_positives

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Score:
        """Read what `to_dict` returned."""
        return cls(values["true_positives"], values["false_positives"], values["false_negatives"])

    def to_dict(self) -> dict[str, Any]:
        """Counts and ratios as plain JSON values."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "true_positives": self.true_positives,
            "false_positives": self.false_positives,
            "false_negatives": self.false_negatives,
            "support": self.support,
        }


@dataclass(frozen=True, slots=True)
class MacroScore:
    """Means over the `types` classes that occur in the gold annotations or in the predictions.

    `f1` is the mean of the classes' F1, not the harmonic mean of the other two.
    """

    precision: float
    recall: float
    f1: float
    types: int

    @classmethod
    def from_scores(cls, scores: Iterable[Score]) -> MacroScore:
        """Average over classes; all zero if there is none."""
        scores = list(scores)
        if not scores:
            return cls(0.0, 0.0, 0.0, 0)
        return cls(
            precision=fmean(score.precision for score in scores),
            recall=fmean(score.recall for score in scores),
            f1=fmean(score.f1 for score in scores),
            types=len(scores),
        )

    def to_dict(self) -> dict[str, Any]:
        """The means as plain JSON values."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "types": self.types,
        }


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % percentile interval, borders included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class ScoreIntervals:
    """The intervals of the three ratios of a score."""

    precision: Interval
    recall: Interval
    f1: Interval

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ScoreIntervals:
        """Read what `to_dict` returned."""
        return cls(**{name: Interval(*borders) for name, borders in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Each ratio's interval as a pair ``[low, high]``."""
        return {
            name: [interval.low, interval.high]
            for name, interval in (
                ("precision", self.precision),
                ("recall", self.recall),
                ("f1", self.f1),
            )
        }


@dataclass(frozen=True, slots=True)
class BootstrapIntervals:
    """The intervals that belong to a `SettingScores`, from sentences drawn anew `samples` times."""

    micro: ScoreIntervals
    macro: ScoreIntervals
    by_type: Mapping[str, ScoreIntervals]
    samples: int

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BootstrapIntervals:
        """Read what `to_dict` returned."""
        return cls(
            ScoreIntervals.from_dict(values["micro"]),
            ScoreIntervals.from_dict(values["macro"]),
            {type_: ScoreIntervals.from_dict(own) for type_, own in values["by_type"].items()},
            values["samples"],
        )

    def to_dict(self) -> dict[str, Any]:
        """The intervals as plain JSON values."""
        return {
            "micro": self.micro.to_dict(),
            "macro": self.macro.to_dict(),
            "by_type": {type_: intervals.to_dict() for type_, intervals in self.by_type.items()},
            "samples": self.samples,
        }


@dataclass(frozen=True, slots=True)
class SettingScores:
    """The scores of one task in one setting (strict or boundaries).

    `by_type` is sorted by type.  It is empty for the boundaries of entities: without types there is
    one class only, so `macro` equals `micro` there.
    """

    micro: Score
    macro: MacroScore
    by_type: Mapping[str, Score]
    intervals: BootstrapIntervals | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SettingScores:
        """Read what `to_dict` returned."""
        intervals = values["intervals"]
        return cls(
            Score.from_dict(values["micro"]),
            MacroScore(**values["macro"]),
            {type_: Score.from_dict(own) for type_, own in values["by_type"].items()},
            None if intervals is None else BootstrapIntervals.from_dict(intervals),
        )

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain JSON values; ``intervals`` is null where none were asked for."""
        return {
            "micro": self.micro.to_dict(),
            "macro": self.macro.to_dict(),
            "by_type": {type_: score.to_dict() for type_, score in self.by_type.items()},
            "intervals": None if self.intervals is None else self.intervals.to_dict(),
        }


GIVEN_ENTITIES = "given_entities"
"""Where the JSON values of relations have their strict scores given the gold entities, if any."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of both tasks in both settings.

    Strict asks for borders and types (of both arguments, for a relation), boundaries for borders
    and the relation's own type.  `entity_sentences` and `relation_sentences` say how many of the
    `sentences` were annotated for the task, hence counted.  The calibration errors are the expected
    ones of the confidences of what was predicted, right in the strict sense or not; None where
    nothing has a confidence.  `false_alarms` are those of the sentences without a relation.
    """

    entity_strict: SettingScores
    entity_boundaries: SettingScores
    relation_strict: SettingScores
    relation_boundaries: SettingScores
    sentences: int
    entity_sentences: int
    relation_sentences: int
    entity_calibration_error: float | None = None
    relation_calibration_error: float | None = None
    false_alarms: FalseAlarms = field(default_factory=FalseAlarms)

    @property
    def related_sentences(self) -> int:
        """How many of the sentences that are annotated for relations hold one."""
        return self.relation_sentences - self.false_alarms.sentences

    @property
    def mean_f1(self) -> float:
        """The mean of strict entity and relation micro-F1: one number to select a model by.

        A task for which no sentence is annotated takes no part; 0 if neither does.
        """
        scores = [
            setting.micro.f1
            for setting, sentences in (
                (self.entity_strict, self.entity_sentences),
                (self.relation_strict, self.relation_sentences),
            )
            if sentences
        ]
        return fmean(scores) if scores else 0.0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """Read what `to_dict` returned."""
        entity, relation = values["entity"], values["relation"]
        return cls(
            entity_strict=SettingScores.from_dict(entity["strict"]),
            entity_boundaries=SettingScores.from_dict(entity["boundaries"]),
            relation_strict=SettingScores.from_dict(relation["strict"]),
            relation_boundaries=SettingScores.from_dict(relation["boundaries"]),
            sentences=values["sentences"],
            entity_sentences=entity["sentences"],
            relation_sentences=relation["sentences"],
            entity_calibration_error=entity.get("calibration_error"),
            relation_calibration_error=relation.get("calibration_error"),
            false_alarms=FalseAlarms.from_dict(relation.get(FALSE_ALARMS)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "sentences": self.sentences,
            "mean_f1": self.mean_f1,
            "entity": {
                "sentences": self.entity_sentences,
                "strict": self.entity_strict.to_dict(),
                "boundaries": self.entity_boundaries.to_dict(),
                "calibration_error": self.entity_calibration_error,
            },
            "relation": {
                "sentences": self.relation_sentences,
                "strict": self.relation_strict.to_dict(),
                "boundaries": self.relation_boundaries.to_dict(),
                "calibration_error": self.relation_calibration_error,
                FALSE_ALARMS: self.false_alarms.to_dict(),
            },
        }
