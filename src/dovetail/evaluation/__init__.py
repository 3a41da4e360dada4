"""How good predictions are: precision, recall and F1 of entities and relations, with intervals.

Sentences in, numbers out.  This package knows nothing of models, files or tensors; who has
predictions from anywhere can score them here.  `docs/evaluation.md` says what is counted and why.
"""

from dovetail.evaluation.alignment import align
from dovetail.evaluation.evaluate import evaluate
from dovetail.evaluation.scores import (
    BootstrapIntervals,
    Evaluation,
    Interval,
    MacroScore,
    Score,
    ScoreIntervals,
    SettingScores,
)

__all__ = [
    "BootstrapIntervals",
    "Evaluation",
    "Interval",
    "MacroScore",
    "Score",
    "ScoreIntervals",
    "SettingScores",
    "align",
    "evaluate",
]
