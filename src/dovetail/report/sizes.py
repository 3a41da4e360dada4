"""The sizes of a run: sentences of each split, and parameters of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.model.ensemble import members_of, num_parameters, num_stored
from dovetail.model.prediction import Predictor
from dovetail.report.scored import ScoredCorpus
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Sentence
from dovetail.training.pools import Splits


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much a split holds; the last two count the sentences that are annotated for a task."""

    name: str
    sentences: int
    entities: int
    relations: int
    entity_sentences: int
    relation_sentences: int

    @classmethod
    def of(cls, name: str, sentences: Sequence[Sentence]) -> SplitCounts:
        """Count."""
        return cls(
            name,
            len(sentences),
            sum(len(sentence.entities) for sentence in sentences),
            sum(len(sentence.relations) for sentence in sentences),
            sum(ENTITY_TASK in sentence.annotated for sentence in sentences),
            sum(RELATION_TASK in sentence.annotated for sentence in sentences),
        )


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a model: changed in training, held by the saved model, and all together."""

    trainable: int
    stored: int
    total: int

    @classmethod
    def of(cls, model: Predictor) -> Parameters:
        """Count, of a model or of several that decide together."""
        members = members_of(model)
        return cls(
            sum(own.numel() for member in members for _, own in member.trainable_parameters()),
            num_stored(model),
            num_parameters(model),
        )


def counts_of(splits: Splits, test: ScoredCorpus | None) -> list[SplitCounts]:
    """The sizes of all splits that are not empty."""
    named = {
        **{pool.name: pool.sentences for pool in splits.pools},
        "dev": splits.dev,
        "test": test.gold if test else (),
    }
    return [SplitCounts.of(name, sentences) for name, sentences in named.items() if sentences]
