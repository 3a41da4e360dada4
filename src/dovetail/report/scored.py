"""All that is said of predictions on one corpus, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dovetail.evaluation import (
    Calibration,
    Confusion,
    Evaluation,
    SentenceErrors,
    calibration,
    entity_confusion,
    errors_by_kind,
    evaluate,
    judged_entities,
    judged_relations,
)
from dovetail.evaluation.calibration import entities_by_type, relations_by_type
from dovetail.report.false_alarms import Alarms, InNegatives
from dovetail.report.telling import TellingSentence, Weighed, telling_sentences
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence

SAMPLES = 1000
"""Draws of the sentences for the intervals."""


@dataclass(frozen=True)
class ScoredCorpus:
    """Gold and predicted sentences of one corpus, in the same order, and what follows from them.

    `source` says where the sentences come from.  `weighed` are the relations that a model took
    into consideration, where that is known.  `negatives` are sentences without a relation, and
    `share` is that of such sentences for which scores are reckoned.
    """

    source: str
    gold: Sequence[Sentence]
    predicted: Sequence[Sentence]
    symmetric: frozenset[str] = frozenset()
    weighed: Weighed | None = None
    negatives: InNegatives | None = None
    share: float | None = None

    @cached_property
    def alarms(self) -> Alarms:
        """The relations that are found where there are none.

        Raises:
            CorpusError: if scores at the share cannot be reckoned.
        """
        return Alarms.of(self.evaluation, self.negatives, self.share)

    @cached_property
    def evaluation(self) -> Evaluation:
        """Scores with intervals."""
        return evaluate(
            self.gold, self.predicted, symmetric=self.symmetric, bootstrap_samples=SAMPLES
        )

    @cached_property
    def errors(self) -> list[SentenceErrors]:
        """The errors of each sentence, by kind."""
        return errors_by_kind(self.gold, self.predicted, symmetric=self.symmetric)

    @cached_property
    def confusion(self) -> Confusion:
        """Which entity type is taken for which."""
        return entity_confusion(self.gold, self.predicted)

    @cached_property
    def telling(self) -> list[TellingSentence]:
        """The sentences to look at first."""
        return telling_sentences(
            self.gold,
            self.predicted,
            self.errors,
            weighed=self.weighed,
            symmetric=self.symmetric,
        )

    @cached_property
    def entity_calibration(self) -> Calibration:
        """Of the predicted entities."""
        return calibration(judged_entities(self.gold, self.predicted))

    @cached_property
    def relation_calibration(self) -> Calibration:
        """Of the predicted relations, right in the strict sense or not."""
        return calibration(judged_relations(self.gold, self.predicted, symmetric=self.symmetric))

    @cached_property
    def calibration_by_type(self) -> dict[str, dict[str, Calibration]]:
        """Of the predictions of each type, for each task."""
        relations = relations_by_type(self.gold, self.predicted, symmetric=self.symmetric)
        by_task = {ENTITY_TASK: entities_by_type(self.gold, self.predicted)}
        by_task[RELATION_TASK] = relations
        return {
            task: {type_: calibration(own) for type_, own in by_type.items()}
            for task, by_type in by_task.items()
        }

    @cached_property
    def link_calibration(self) -> Calibration | None:
        """Of all relations between right entities that the model considered, if that is known."""
        if self.weighed is None:
            return None
        return calibration(
            judged_relations(
                self.gold,
                self.weighed.candidates,
                symmetric=self.symmetric,
                between_right_entities=True,
            )
        )
