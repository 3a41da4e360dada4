"""What is known of a pair of entities beside each of them: text between, distance, interaction."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.heads.range_maximum import range_maximum
from dovetail.heads.relation.attention_between import AttentionBetween
from dovetail.heads.relation.candidate_pairs import Pairs

DISTANCES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Upper limits, inclusive, of the buckets for the number of tokens between two spans."""

MOST_BETWEEN = 4
"""So many entities between two, or more, are one bucket."""


class PairFeatures(nn.Module):
    """Describes ordered pairs of a sentence's entities, each feature by its own switch.

    * `between`: the maximum over the tokens strictly between the two spans (Eberts & Ulges 2020),
      or a mean of them that attention weighs; a learned vector stands for no token at all.
    * `distance_dim`: an embedding of the number of tokens between the spans, apart for either
      order, and one of the number of entities that start between theirs.
    * `bilinear_dim`: the products (A g_i) * (B g_j) of two projections of the entities' vectors.
      A linear layer over them is a bilinear form of that rank, and as A is not B, it tells the
      directions of a relation apart, which DistMult cannot.

    Args:
        token_dim: width of a token vector.
        entity_dim: width of an entity's vector g.
        between: whether to read the tokens between; "attention" for their weighted mean.
        distance_dim: width of each of the two embeddings; 0 leaves them out.
        bilinear_dim: number of products; 0 leaves them out.
    """

    limits: Tensor

    def __init__(
        self,
        *,
        token_dim: int,
        entity_dim: int,
        between: bool | Literal["attention"] = False,
        distance_dim: int = 0,
        bilinear_dim: int = 0,
    ) -> None:
        super().__init__()
        self.attention: AttentionBetween | None = None
        if between == "attention":
            self.attention = AttentionBetween(token_dim=token_dim, entity_dim=entity_dim)
        self.nothing = nn.Parameter(torch.zeros(token_dim)) if between else None
        self.distance: nn.Embedding | None = None
        self.number: nn.Embedding | None = None
        if distance_dim:
            self.distance = nn.Embedding(2 * (len(DISTANCES) + 1), distance_dim)
            self.number = nn.Embedding(MOST_BETWEEN + 1, distance_dim)
        self.as_head = nn.Linear(entity_dim, bilinear_dim) if bilinear_dim else None
        self.as_tail = nn.Linear(entity_dim, bilinear_dim) if bilinear_dim else None
        self.register_buffer("limits", torch.tensor(DISTANCES), persistent=False)
        self.output_dim = token_dim * bool(between) + 2 * distance_dim + bilinear_dim

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens token_dim"],
        entities: Float[Tensor, "batch entities entity_dim"],
        spans: Int[Tensor, "batch entities 2"],
        mask: Bool[Tensor, "batch entities"],
        pairs: Pairs,
    ) -> Float[Tensor, "pairs output_dim"]:
        """A description of each of the pairs; `mask` marks real entities."""
        parts = []
        gaps = gaps_between(pairs.of_heads(spans), pairs.of_tails(spans))
        if self.nothing is not None:
            empty = (gaps[:, 1] <= gaps[:, 0]).unsqueeze(1)
            between = self._between(tokens, entities, pairs, gaps)
            parts.append(torch.where(empty, self.nothing, between))
        if self.distance is not None and self.number is not None:
            parts.append(self.distance(self._bucket(gaps, spans, pairs)))
            parts.append(self.number(_number_between(spans, mask, pairs)))
        if self.as_head is not None and self.as_tail is not None:
            heads, tails = self.as_head(entities), self.as_tail(entities)
            parts.append(pairs.of_heads(heads) * pairs.of_tails(tails))
        return torch.cat(parts, dim=1)

    def _between(self, tokens: Tensor, entities: Tensor, pairs: Pairs, gaps: Tensor) -> Tensor:
        if self.attention is not None:
            return self.attention(tokens, entities, pairs, gaps)
        return range_maximum(tokens, gaps, pairs.rows)

    def _bucket(self, gaps: Tensor, spans: Tensor, pairs: Pairs) -> Int[Tensor, " pairs"]:
        heads, tails = pairs.of_heads(spans), pairs.of_tails(spans)
        same_start = heads[:, 0] == tails[:, 0]  # of two nested entities the longer one comes later
        backwards = torch.where(same_start, heads[:, 1] > tails[:, 1], heads[:, 0] > tails[:, 0])
        return torch.bucketize(gaps[:, 1] - gaps[:, 0], self.limits) * 2 + backwards.long()


def gaps_between(
    first: Int[Tensor, "pairs 2"], second: Int[Tensor, "pairs 2"]
) -> Int[Tensor, "pairs 2"]:
    """The half-open range of tokens between two spans, empty where they touch or overlap."""
    begin = torch.minimum(first[:, 1], second[:, 1])
    end = torch.maximum(first[:, 0], second[:, 0])
    return torch.stack([begin, torch.maximum(begin, end)], dim=1)


def _number_between(spans: Tensor, mask: Tensor, pairs: Pairs) -> Int[Tensor, " pairs"]:
    """How many real spans start strictly between the starts of the two."""
    starts = spans[..., 0]
    before = (starts.unsqueeze(1) < starts.unsqueeze(2)) & mask.unsqueeze(1)
    rank = before.sum(2)  # real spans that start earlier
    same = ((starts.unsqueeze(1) == starts.unsqueeze(2)) & mask.unsqueeze(1)).sum(2)
    ranks = torch.stack([rank, rank + same], dim=2)
    of_head, of_tail = pairs.of_heads(ranks), pairs.of_tails(ranks)
    first = torch.minimum(of_head[:, 1], of_tail[:, 1])
    last = torch.maximum(of_head[:, 0], of_tail[:, 0])
    return (last - first).clamp(min=0, max=MOST_BETWEEN)
