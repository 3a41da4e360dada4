"""Ordered pairs of the entities of a batch, listed: work is done for those that can be related."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """Pairs of a head and a tail, in the order of their sentences.

    Among all cells of a padded batch, few are two different entities of one sentence whose types
    any relation admits: on CoNLL04 less than one of ten.
    """

    rows: Int[Tensor, " pairs"]
    heads: Int[Tensor, " pairs"]
    tails: Int[Tensor, " pairs"]

    @classmethod
    def where(cls, cells: Bool[Tensor, "batch entities entities"]) -> Pairs:
        """The pairs whose cell (sentence, head, tail) is true."""
        return cls(*cells.nonzero().unbind(1))

    def of_heads(
        self, values: Float[Tensor, "batch entities dim"] | Int[Tensor, "batch entities dim"]
    ) -> Float[Tensor, "pairs dim"] | Int[Tensor, "pairs dim"]:
        """What each pair's head has."""
        return _chosen(values, self.rows, self.heads)

    def of_tails(
        self, values: Float[Tensor, "batch entities dim"] | Int[Tensor, "batch entities dim"]
    ) -> Float[Tensor, "pairs dim"] | Int[Tensor, "pairs dim"]:
        """What each pair's tail has."""
        return _chosen(values, self.rows, self.tails)

    def __len__(self) -> int:
        return len(self.rows)

    def chunks(self, size: int) -> list[Pairs]:
        """The pairs in their order, at most so many at once."""
        parts = (torch.split(places, size) for places in (self.rows, self.heads, self.tails))
        return [Pairs(*places) for places in zip(*parts, strict=True)]

    @property
    def sentences(self) -> slice:
        """The sentences of the batch from the first that has a pair to the last."""
        return slice(int(self.rows[0]), int(self.rows[-1]) + 1)

    def of_sentences(self, sentences: slice) -> Pairs:
        """The same pairs in a batch of these sentences alone, which are all of theirs."""
        return replace(self, rows=self.rows - sentences.start)

    def counts(self, batch: int) -> list[int]:
        """How many pairs each sentence of the batch has."""
        counts: list[int] = self.rows.bincount(minlength=batch).tolist()
        return counts

    def spread(
        self, scores: Float[Tensor, "pairs types"], *, batch: int, entities: int
    ) -> Float[Tensor, "batch entities entities types"]:
        """The pairs' scores in their cells, and zero in all others."""
        cells = scores.new_zeros(batch * entities * entities, scores.shape[1])
        places = (self.rows * entities + self.heads) * entities + self.tails
        # Each cell is written once at most, and the gradient of a copy is a plain choice of rows.
        spread = cells.index_copy(0, places, scores)
        return spread.view(batch, entities, entities, -1)


def _chosen(values: Tensor, rows: Tensor, entities: Tensor) -> Tensor:
    # The gradient of index_select is a sum over rows; that of plain indexing sorts them first.
    return values.flatten(0, 1).index_select(0, rows * values.shape[1] + entities)
