"""The chain from entities to relations: the probability of a relation is a product of steps.

    P(r_ij) = P(entity_i) * P(entity_j) * P(r | i, j)

for every two candidates, whether they are entities or not (the entire space of ESMM, Ma et al.
2018).  A loss on the gold entities alone learns P(r | i, j), and says nothing of spans that are no
entities, which prediction meets.  As log-odds the product takes the place of the relation head's
scores, so that all that reads these goes on as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from dovetail.heads.entity.entity_head import EntityHead
from dovetail.heads.link import EntityLink, with_unrelated
from dovetail.tensors.features import Candidates, Targets
from dovetail.text.document import Entity

Span = tuple[int, int]
"""Borders, half-open."""

PROPOSED = 512
"""Spans of a sentence, at most, that those that are no entities are drawn among."""

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
    and other spans, drawn by how probable they are as entities: of the entire space the part whose
    product is not zero anyway.  Without it, of the spans of which the head is unsure the gold ones
    alone would be learned from, and P(r | i, j) would grow to make up for that.  Gradients go back
    into the probabilities of the entities unless they are detached.

    While the chain does not hold, relations are learned of the gold entities alone.

    Args:
        link: what it takes the place of, with its labels and its marked layers.
        probability: of an entity that it is of its "typed" kind, or of "any".
        detach: whether no gradient flows into it.
        non_entities: how many other spans are drawn for each sentence, at most.
    """

    holds: Tensor

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
        # A buffer, so that a training that goes on knows it.
        self.register_buffer("holds", torch.tensor(True))

    def hold(self, holds: bool) -> None:
        """Let the chain hold from now on, or not."""
        self.holds.fill_(holds)

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
        if not self.holds:
            return with_unrelated(entity_head, emissions, mask, gold)
        known = super().targets(entity_head, emissions, mask, gold)
        names = entity_head.entity_types
        if not (self.non_entities and names):
            return known
        widest = int((gold.candidates.spans[..., 1] - gold.candidates.spans[..., 0]).max())
        taken = [{entity.span for entity in row} for row in known.candidates.entities(names)]
        spans = [
            spans_apart_from(own, length, widest=widest)
            for own, length in zip(taken, mask.sum(1).tolist(), strict=True)
        ]
        if not any(spans):  # in batches without an entity, or of a few words that are all entities
            return known
        drawn = self._drawn(entity_head, emissions, mask, spans)
        return known.with_spurious(drawn, names, most=self.non_entities)

    @torch.no_grad()
    def _drawn(
        self, entity_head: EntityHead, emissions: Tensor, mask: Tensor, spans: list[list[Span]]
    ) -> list[list[Entity]]:
        """Some of these spans, each as the type that the head would soonest give it.

        They are drawn by how probable they are as entities, without replacement (Gumbel-top-k).
        """
        names, most = entity_head.entity_types, max(map(len, spans))
        borders = torch.tensor([[*own, *[(0, 1)] * (most - len(own))] for own in spans])
        borders = borders.view(len(spans), most, 2).to(mask.device)
        every = torch.arange(len(names), device=mask.device).expand(*borders.shape[:2], -1)
        found = entity_head.span_log_probabilities(emissions, mask, borders, every)
        noise = -torch.log(-torch.log(torch.rand(borders.shape[:2], dtype=torch.float64)))
        ranks = (found.logsumexp(2).cpu() + noise).argsort(1, descending=True).tolist()
        types = found.argmax(2).tolist()
        drawn = []
        for own, rank, chosen in zip(spans, ranks, types, strict=True):
            places = [place for place in rank if place < len(own)][: self.non_entities]
            drawn.append([Entity(own[p][0], own[p][1], names[chosen[p]]) for p in places])
        return drawn

    def decided(
        self,
        entity_head: EntityHead,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
        scores: Float[Tensor, "batch entities entities scores"],
    ) -> Float[Tensor, "batch entities entities scores"]:
        """The log-odds of the product: never more than those of either entity."""
        if not self.holds:
            return scores
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


def spans_apart_from(taken: Collection[Span], length: int, *, widest: int) -> list[Span]:
    """The spans of a sentence, of at most so many tokens, that are not taken.

    Of more than `PROPOSED` some are chosen at random.
    """
    spans = [
        (start, end)
        for start in range(length)
        for end in range(start + 1, min(start + widest, length) + 1)
        if (start, end) not in taken
    ]
    if len(spans) <= PROPOSED:
        return spans
    return [spans[place] for place in torch.randperm(len(spans))[:PROPOSED].sort().values.tolist()]
