"""False alarms: relations that are found in sentences which hold none.

A test set whose every sentence holds a relation says nothing of them, whatever its precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.evaluation.alarm_counts import FalseAlarms
from dovetail.evaluation.calibration import share_interval
from dovetail.evaluation.facts import relations_strict
from dovetail.evaluation.scores import Interval, Score, ratio
from dovetail.text.document import RELATION_TASK, Sentence


def false_alarms(
    gold: Sequence[Sentence],
    predicted: Sequence[Sentence],
    *,
    symmetric: frozenset[str] = frozenset(),
) -> FalseAlarms:
    """Count what is found in the sentences that are annotated for relations and hold none.

    Args:
        gold: the sentences with their gold annotations.
        predicted: the same sentences with the predicted ones.
        symmetric: relation types whose two directions count as one.
    """
    facts_of = relations_strict(symmetric)
    found = [
        len(facts_of(guess))
        for truth, guess in zip(gold, predicted, strict=True)
        if RELATION_TASK in truth.annotated and not facts_of(truth)
    ]
    return FalseAlarms(len(found), sum(number > 0 for number in found), sum(found))


@dataclass(frozen=True, slots=True)
class ScoreAtShare:
    """The strict micro-scores of relations in text of which a share of sentences holds none."""

    share: float
    precision: float
    recall: float
    f1: float

    @classmethod
    def of(
        cls, score: Score, related: int, within: FalseAlarms, alarms: FalseAlarms, share: float
    ) -> ScoreAtShare:
        """Reckon what the scores would be with this share of sentences without a relation.

        To each sentence with a relation come share / (1 - share) without one, in each of which as
        many relations are found as in those of `alarms` on average.  Recall stays as it is.

        Args:
            score: strict and micro, of a corpus.
            related: the sentences of the corpus that hold a relation.
            within: the false alarms of the corpus, which the score counts as wrong.
            alarms: those that tell how it is in sentences without a relation.
            share: of sentences without a relation.

        Raises:
            ValueError: if there are no sentences of one of the two kinds, or the share is not
                from 0 to below 1.
        """
        if not 0 <= share < 1:
            raise ValueError(
                f"the share of sentences without a relation is {share}; expected from 0 to below 1"
            )
        if not related or not alarms.sentences:
            raise ValueError(
                f"expected sentences with a relation and without, found {related} and "
                f"{alarms.sentences}"
            )
        wrong = score.false_positives - within.relations
        wrong_at_share = wrong + related * share / (1 - share) * alarms.relations / alarms.sentences
        right = score.true_positives
        found, known = right + wrong_at_share, score.support
        return cls(share, ratio(right, found), ratio(right, known), ratio(2 * right, found + known))

    def to_dict(self) -> dict[str, float]:
        """The values as plain JSON values."""
        return {name: getattr(self, name) for name in ("share", "precision", "recall", "f1")}


def interval_per_thousand(alarms: FalseAlarms) -> Interval:
    """The 95 % interval of the alarmed ones of a thousand sentences; there has to be one."""
    share = share_interval(alarms.alarmed, alarms.sentences)
    return Interval(1000 * share.low, 1000 * share.high)
