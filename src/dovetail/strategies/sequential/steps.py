"""Relations in two steps: whether two entities are related, and then how.

    P(r | i, j) = P(related | i, j) * P(r | related, i, j)

The first step has a loss of its own, over the pairs of which some relation is right.  Without it
nothing would say which of the two factors is to blame.
"""

from __future__ import annotations

from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from dovetail.heads.relation.candidate_pairs import Pairs
from dovetail.heads.relation.pair_scorer import PairScorer
from dovetail.heads.relation.relation_head import RelationHead
from dovetail.strategies.sequential.chain import log_odds_of_product
from dovetail.tensors.features import Targets
from dovetail.text.document import RELATION_TASK


class StepwiseScorer(nn.Module):
    """Scores pairs for each type and, behind these, for any: each as log-odds of its probability.

    Args:
        types: scores the types of two entities that are related.
    """

    def __init__(self, types: PairScorer) -> None:
        super().__init__()
        self.types = types
        self.related = types.another(num_types=1)

    def forward(
        self,
        entities: Float[Tensor, "batch entities input_dim"],
        pairs: Pairs,
        features: Float[Tensor, "pairs feature_dim"] | None = None,
    ) -> Float[Tensor, "pairs scores"]:
        """The log-odds of each type, then those of any relation at all."""
        related: Tensor = self.related(entities, pairs, features)
        types: Tensor = self.types(entities, pairs, features)
        return torch.cat([log_odds_of_product(logsigmoid(related), types), related], dim=1)


class StepwiseRelationHead(RelationHead):
    """A relation head with a score for any relation behind those of the types."""

    @classmethod
    def of(cls, head: RelationHead) -> Self:
        """The head with its scorer as the last of two steps.

        Raises:
            TypeError: if that is not one that scores types alone.
        """
        if not isinstance(head.scorer, PairScorer):
            raise TypeError(f"expected a PairScorer, found {type(head.scorer).__name__}")
        return cls(
            labels=head.label_embedding,
            spans=head.spans,
            pairs=head.pairs,
            scorer=StepwiseScorer(head.scorer),
            schema=head.schema,
            regime=head.regime,
        )

    def loss(
        self, logits: Float[Tensor, "batch entities entities scores"], targets: Targets
    ) -> Float[Tensor, ""]:
        """The loss of the types, and that of whether two are related at all."""
        possible = self.possible(targets.candidates).any(3, keepdim=True)
        related = (targets.relations > 0).any(3, keepdim=True).to(logits)
        annotated = targets.annotated[RELATION_TASK]
        of_any = self.regime.loss(logits[..., -1:], related, possible, annotated)
        return super().loss(self.of_types(logits), targets) + of_any
