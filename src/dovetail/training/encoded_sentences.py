"""Sentences to learn from or to score, as batches of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from dovetail.encoders import ConcatenatedEncoder
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.stored_sentences import lengths_of
from dovetail.text.windowed import Windowed
from dovetail.training.frozen_states import FrozenStates
from dovetail.training.lesson import Lesson


@dataclass(frozen=True)
class EncodedSentences:
    """Some sentences, and what frozen encoders make of them where that is kept.

    `taught` is what a teacher says of each sentence, if there is one.  `windowed` are the longer
    sentences whose windows these are, if they are windows.  `schema` is the one that all of them
    are annotated in, unless batches name theirs.  `negatives` are the indices of those in which
    nothing is related.
    """

    sentences: Sequence[Sentence]
    states: FrozenStates | None = None
    taught: Lesson | None = None
    windowed: Windowed | None = None
    schema: str = ONLY
    negatives: frozenset[int] = frozenset()

    @property
    def gold(self) -> Sequence[Sentence]:
        """The sentences as they were before they were cut: what scores are made on."""
        return self.sentences if self.windowed is None else self.windowed.sentences

    def merged(self, predicted: Sequence[Sentence]) -> list[Sentence]:
        """The predictions for the sentences, as predictions of `gold`."""
        return [*predicted] if self.windowed is None else self.windowed.merged(predicted)

    def batch(
        self, indices: Sequence[int], encoder: ConcatenatedEncoder, schema: str | None = None
    ) -> Batch:
        """The sentences of these indices as a batch."""
        chosen = [self.sentences[index] for index in indices]
        states = self.states
        if states is None:
            batch = Batch.from_sentences(chosen, encoder.featurise)
        else:
            batch = Batch.from_sentences(
                chosen, lambda words: states.features(encoder, words, indices)
            )
        taught = None if self.taught is None else self.taught.batch(indices)
        unrelated = [index in self.negatives for index in indices]
        return replace(
            batch,
            taught=taught,
            schema=self.schema if schema is None else schema,
            unrelated=torch.tensor(unrelated) if any(unrelated) else None,
        )

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each sentence."""
        return lengths_of(self.sentences)
