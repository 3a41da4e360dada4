"""A teacher's predictions for the sentences of a run: made once before training, kept in memory.

Of a tagger it takes for each token as many numbers as there are tags, for each sentence one for
each pair of tags, and for each pair of candidates one for each relation type, four bytes each: some
hundredths of what a frozen transformer leaves in its cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from dovetail.tensors.features import Expectations, Taught


class TaughtSentence(NamedTuple):
    """A sentence's part of `Taught`, without padding."""

    of_tokens: Float[Tensor, " tokens *scores"]
    of_sentence: Float[Tensor, "*counts"]
    entropy: Float[Tensor, ""]
    relations: Float[Tensor, "entities entities types"]


@dataclass(frozen=True)
class Lesson:
    """A teacher's predictions for some sentences, at a temperature; a batch is an index away."""

    sentences: Sequence[TaughtSentence]
    temperature: float
    relation_confidence: float = 0.5

    def batch(self, indices: Sequence[int]) -> Taught:
        """Its predictions for the sentences of these indices, padded as their batch is."""
        chosen = [self.sentences[index] for index in indices]
        most = max(1, *(len(own.relations) for own in chosen))  # as many as `Candidates` has
        return Taught(
            Expectations(
                pad_sequence([own.of_tokens for own in chosen], batch_first=True),
                torch.stack([own.of_sentence for own in chosen]),
                torch.stack([own.entropy for own in chosen]),
            ),
            torch.stack([_padded(own.relations, most) for own in chosen]),
            self.temperature,
            self.relation_confidence,
        )


def _padded(
    relations: Float[Tensor, "entities entities types"], most: int
) -> Float[Tensor, "most most types"]:
    more = most - len(relations)
    return pad(relations, (0, 0, 0, more, 0, more))


def taught_sentences(
    taught: Taught, lengths: Sequence[int], entities: Sequence[int]
) -> list[TaughtSentence]:
    """Take a batch apart: sentences of these lengths in tokens and numbers of candidates.

    The parts are copies on the CPU, which do not keep the batch in memory.
    """
    own = taught.entities
    return [
        TaughtSentence(
            own.of_tokens[row, :length].cpu().clone(),
            own.of_sentences[row].cpu().clone(),
            own.entropy[row].cpu().clone(),
            taught.relations[row, :number, :number].cpu().clone(),
        )
        for row, (length, number) in enumerate(zip(lengths, entities, strict=True))
    ]
