"""Right, wrong and missed facts, counted for each sentence and class: what all scores come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dovetail.evaluation import facts
from dovetail.evaluation.bootstrap import (
    FALSE_NEGATIVES,
    FALSE_POSITIVES,
    TRUE_POSITIVES,
    Counts,
    Ratios,
    macro_ratios,
    percentile_intervals,
    ratios,
    resample,
)
from dovetail.evaluation.scores import BootstrapIntervals, Interval, Score, ScoreIntervals
from dovetail.text.document import Sentence


@dataclass(frozen=True, slots=True)
class Draws:
    """How often sentences are drawn anew, and the seed of the draws."""

    samples: int
    seed: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one setting, for each sentence and class.

    `counts` has the shape ``(sentences, types, 3)``.
    """

    types: tuple[str, ...]
    counts: Counts

    @classmethod
    def of_pairs(cls, pairs: Sequence[tuple[Sentence, Sentence]], facts_of: facts.FactsOf) -> Tally:
        compared = [(facts_of(gold), facts_of(predicted)) for gold, predicted in pairs]
        types = sorted({type_ for pair in compared for found in pair for type_, _ in found})
        column_by_type = {type_: column for column, type_ in enumerate(types)}
        counts = np.zeros((len(compared), len(types), 3), dtype=np.int64)
        for row, (gold, predicted) in enumerate(compared):
            for outcome, outcome_facts in (
                (TRUE_POSITIVES, gold & predicted),
                (FALSE_POSITIVES, predicted - gold),
                (FALSE_NEGATIVES, gold - predicted),
            ):
                for type_, _ in outcome_facts:
                    counts[row, column_by_type[type_], outcome] += 1
        return cls(tuple(types), counts)

    def micro(self) -> Score:
        return Score(*self.counts.sum(axis=(0, 1)).tolist())

    def by_type(self) -> dict[str, Score]:
        totals = self.counts.sum(axis=0).tolist()
        return {type_: Score(*counts) for type_, counts in zip(self.types, totals, strict=True)}

    def intervals(self, draws: Draws, *, typed: bool) -> BootstrapIntervals:
        sentences, types, outcomes = self.counts.shape
        drawn = resample(
            self.counts.reshape(sentences, types * outcomes),
            samples=draws.samples,
            seed=draws.seed,
        ).reshape(draws.samples, types, outcomes)
        by_type = {
            type_: _score_intervals(ratios(drawn[:, column]))
            for column, type_ in enumerate(self.types)
        }
        return BootstrapIntervals(
            micro=_score_intervals(ratios(drawn.sum(axis=1))),
            macro=_score_intervals(macro_ratios(drawn)),
            by_type=by_type if typed else {},
            samples=draws.samples,
        )


def _score_intervals(drawn: Ratios) -> ScoreIntervals:
    return ScoreIntervals(
        *(Interval(low, high) for low, high in percentile_intervals(drawn).tolist())
    )
