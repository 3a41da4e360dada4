"""The link from entities to relations: what the relation head is told of a sentence's entities.

This one passes values and no gradients, so that the relation loss never trains the entity head.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import one_hot

from dovetail.heads.entity.entity_head import EntityHead
from dovetail.heads.marked_layers import MarkedLayers
from dovetail.tensors.features import Candidates, Targets

MOST_SPURIOUS = 8
"""Predicted entities that training adds to the gold ones of a sentence, at most: an untrained
entity head finds one in every few tokens, and pairs grow with the square of the entities."""


class EntityLink(nn.Module):
    """Which entities training puts before the relation head, with which labels, and marked how.

    With gold entities and gold labels it is taught by what it will not have later, and never sees a
    mistake of the entity head (exposure bias).

    * `labels`: `"gold"`, or `"probabilities"` that the entity head gives to all labels, in training
      and afterwards, or the one that it finds most probable, `"predicted"`.
    * `candidates`: the `"gold"` entities, or besides them those that the entity head predicts and
      that are none, `"predicted"`: between these and others no relation is right.
    * `marked`: layers of the relation stream that are told where the candidates are, if any.
    """

    def __init__(
        self,
        labels: Literal["gold", "probabilities", "predicted"] = "gold",
        candidates: Literal["gold", "predicted"] = "gold",
        marked: MarkedLayers | None = None,
    ) -> None:
        super().__init__()
        self.labels, self.candidates, self.marked = labels, candidates, marked

    def targets(
        self,
        entity_head: EntityHead,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        gold: Targets,
    ) -> Targets:
        """The targets of the relation head in training: gold candidates come first."""
        if self.candidates == "gold":
            return with_unrelated(entity_head, emissions, mask, gold)
        with torch.no_grad():
            predicted = entity_head.decode(emissions, mask)
        return gold.with_spurious(predicted, entity_head.entity_types, most=MOST_SPURIOUS)

    def read(
        self,
        entity_head: EntityHead,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
        *,
        training: bool,
    ) -> Int[Tensor, "batch entities"] | Float[Tensor, "batch entities labels"]:
        """The labels of these entities; afterwards they are those that were predicted."""
        if self.labels == "gold" or (self.labels == "predicted" and not training):
            return entity_head.labels(candidates)
        probabilities = entity_head.label_probabilities(emissions, mask, candidates)
        return probabilities if self.labels == "probabilities" else probabilities.argmax(dim=2)

    @property
    def passes_gradients(self) -> bool:
        """Whether the relation loss reaches the entity head, and what is below it."""
        return False

    def decided(
        self,
        entity_head: EntityHead,
        emissions: Float[Tensor, "batch tokens *scores"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
        scores: Float[Tensor, "batch entities entities scores"],
    ) -> Float[Tensor, "batch entities entities scores"]:
        """The log-odds that the relation head's scores come to, by how sure the entities are.

        Training and prediction go on with these.  Here it has no say.
        """
        return scores

    def mark(
        self,
        entity_head: EntityHead,
        stream: Float[Tensor, "batch tokens input_dim"],
        mask: Bool[Tensor, "batch tokens"],
        candidates: Candidates,
    ) -> Float[Tensor, "batch tokens output_dim"]:
        """The relation stream as the relation head reads it, between these entities."""
        if self.marked is None:
            return stream
        types = one_hot(candidates.types, len(entity_head.entity_types))
        real = types * candidates.mask.unsqueeze(2)
        marked: Tensor = self.marked(stream, mask, candidates.spans, real)
        return marked.float()


def with_unrelated(
    entity_head: EntityHead,
    emissions: Float[Tensor, "batch tokens *scores"],
    mask: Bool[Tensor, "batch tokens"],
    gold: Targets,
) -> Targets:
    """The gold targets, in sentences where nothing is related with the predicted entities besides.

    Without these such a sentence would teach the relation head nothing.
    """
    if gold.unrelated is None:
        return gold
    with torch.no_grad():
        predicted = entity_head.decode(emissions, mask)
    rows = [
        found if unrelated else []
        for found, unrelated in zip(predicted, gold.unrelated.tolist(), strict=True)
    ]
    return gold.with_spurious(rows, entity_head.entity_types, most=MOST_SPURIOUS)
