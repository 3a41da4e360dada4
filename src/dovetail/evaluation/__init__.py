"""How good predictions are: precision, recall and F1 of entities and relations, with intervals.

Sentences in, numbers out.  This package knows nothing of models, files or tensors; who has
predictions from anywhere can score them here.  `docs/evaluation.md` says what is counted and why.
"""

from dovetail.evaluation.alarm_counts import FalseAlarms
from dovetail.evaluation.calibration import (
    Calibration,
    CalibrationBin,
    calibration,
    judged_entities,
    judged_relations,
)
from dovetail.evaluation.confusion import Confusion, entity_confusion
from dovetail.evaluation.errors_by_kind import (
    EntityError,
    EntityErrorKind,
    RelationError,
    RelationErrorKind,
    SentenceErrors,
    errors_by_kind,
)
from dovetail.evaluation.evaluate import evaluate
from dovetail.evaluation.false_alarms import ScoreAtShare, false_alarms
from dovetail.evaluation.scores import (
    BootstrapIntervals,
    Evaluation,
    Interval,
    MacroScore,
    Score,
    ScoreIntervals,
    SettingScores,
)
from dovetail.evaluation.sentence_pairing import align, align_documents

__all__ = [
    "BootstrapIntervals",
    "Calibration",
    "CalibrationBin",
    "Confusion",
    "EntityError",
    "EntityErrorKind",
    "Evaluation",
    "FalseAlarms",
    "Interval",
    "MacroScore",
    "RelationError",
    "RelationErrorKind",
    "Score",
    "ScoreAtShare",
    "ScoreIntervals",
    "SentenceErrors",
    "SettingScores",
    "align",
    "align_documents",
    "calibration",
    "entity_confusion",
    "errors_by_kind",
    "evaluate",
    "false_alarms",
    "judged_entities",
    "judged_relations",
]
