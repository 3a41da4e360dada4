"""The chain from entities to relations: the probability of a relation is a product of steps.

    P(r_ij) = P(entity_i) * P(entity_j) * P(r | i, j)

for every two candidates, whether they are entities or not (the entire space of ESMM, Ma et al.
2018).  A loss on the gold entities alone learns P(r | i, j), and says nothing of spans that are no
entities, which prediction meets.  As log-odds the product takes the place of the relation head's
scores, so that all that reads these goes on as it is.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from dovetail.heads.entity.entity_head import EntityHead
from dovetail.heads.link import EntityLink
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import Entity

SUREST = -1e-12
"""The log of the highest probability of a product: the odds of 1 are infinite."""


def log_odds_of_product(
    log_probability: Float[Tensor, "*#cells"], scores: Float[Tensor, "*cells"]
) -> Float[Tensor, "*cells"]:
    """The log-odds of a probability, given as its log, times the sigmoid of a score.

    log p - log(1 - p), in double precision, since of a p near 1 single precision would lose 1 - p.
    """
    product = log_probability.double() + logsigmoid(scores.double())
    product = product.clamp(max=SUREST)
    return (product - torch.log(-torch.expm1(product))).to(scores.dtype)


class ChainedLink(EntityLink):
    """The link that makes relations as probable as their entities allow.

    Training puts the gold entities before the relation head, what the entity head wrongly predicts,
    and other spans: the chain is learned over all of them.  Gradients go back into the
    probabilities of the entities unless they are detached.

    Args:
        link: what it takes the place of, with its labels and its marked layers.
        probability: of an entity that it is of its "typed" kind, or of "any".
        detach: whether no gradient flows into it.
        non_entities: how many other spans are drawn for each sentence, at most.
    """

    def __init__(
        self,
        link: EntityLink,
        *,
        probability: Literal["typed", "any"] = "typed",
        detach: bool = False,
        non_entities: int = 0,
    ) -> None:
        super().__init__(link.labels, "predicted", link.marked)
        self.probability, self.detach, self.non_entities = probability, detach, non_entities

    @property
    def passes_gradients(self) -> bool:
        return not self.detach

    def targets(
        self,
        entity_head: EntityHead,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        gold: Targets,
    ) -> Targets:
        """The gold candidates, then those wrongly predicted, then those drawn."""
        known = super().targets(entity_head, emissions, mask, gold)
        if not (self.non_entities and entity_head.entity_types):
            return known
        widest = int((gold.candidates.spans[..., 1] - gold.candidates.spans[..., 0]).max())
        spans = drawn_spans(mask.sum(1).tolist(), number=self.non_entities, widest=widest)
        drawn = self._most_probable(entity_head, emissions, mask, spans)
        taken = [
            {entity.span for entity in row}
            for row in known.candidates.entities(entity_head.entity_types)
        ]
        others = [
            [entity for entity in row if entity.span not in own]
            for row, own in zip(drawn, taken, strict=True)
        ]
        return known.with_spurious(others, entity_head.entity_types, most=self.non_entities)

    @staticmethod
    @torch.no_grad()
    def _most_probable(
        entity_head: EntityHead,
        emissions: Tensor,
        mask: Tensor,
        spans: list[list[tuple[int, int]]],
    ) -> list[list[Entity]]:
        """These spans as entities of the types that the head would soonest give them."""
        borders = torch.tensor(spans, device=mask.device)
        types = torch.arange(len(entity_head.entity_types), device=mask.device)
        asked = types.expand(*borders.shape[:2], -1)
        found = entity_head.span_log_probabilities(emissions, mask, borders, asked).argmax(2)
        names = entity_head.entity_types
        return [
            [Entity(*span, names[type_]) for span, type_ in zip(own, chosen, strict=True)]
            for own, chosen in zip(spans, found.tolist(), strict=True)
        ]

    def decided(
        self,
        entity_head: EntityHead,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
        scores: Float[Tensor, "batch entities entities scores"],
    ) -> Float[Tensor, "batch entities entities scores"]:
        """The log-odds of the product: never more than those of either entity."""
        sure = self.entity_log_probabilities(entity_head, emissions, mask, candidates)
        both = sure.unsqueeze(2) + sure.unsqueeze(1)
        return log_odds_of_product(both.unsqueeze(3), scores)

    def entity_log_probabilities(
        self,
        entity_head: EntityHead,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch entities"]:
        """The log probability that each candidate is an entity, as the chain counts it."""
        types = candidates.types.unsqueeze(2)
        if self.probability == "any":
            every = torch.arange(len(entity_head.entity_types), device=types.device)
            types = every.expand(*candidates.types.shape, -1)
        found = entity_head.span_log_probabilities(emissions, mask, candidates.spans, types)
        found = found.logsumexp(2).clamp(max=0.0)
        return found.detach() if self.detach else found


def drawn_spans(lengths: list[int], *, number: int, widest: int) -> list[list[tuple[int, int]]]:
    """For sentences of these lengths so many spans each, of some tokens of it, at most `widest`.

    Some may be drawn twice.
    """
    draws = torch.rand(len(lengths), number, 2).tolist()
    return [
        [_span(length, widest, *draw) for draw in own]
        for length, own in zip(lengths, draws, strict=True)
    ]


def _span(length: int, widest: int, place: float, width: float) -> tuple[int, int]:
    """A span of a sentence, from two numbers in [0, 1)."""
    start = int(place * length)
    return start, start + 1 + int(width * min(widest, length - start))
