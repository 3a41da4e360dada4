"""The heads of auxiliary tasks: they have a loss in training, and are no part of a saved model.

Their targets are those of the schema's own heads with the labels put together, so that both learn
from the same entities and pairs of the same sentences.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.heads import EntityHead, EntityLink, RelationHead
from dovetail.tensors.features import Targets
from dovetail.text.auxiliary_tasks import AuxiliaryTask
from dovetail.text.schema import Schema


class LinkedEntities(NamedTuple):
    """What the schema's relation head is told in training: the candidates and their labels."""

    targets: Targets
    labels: Int[Tensor, "batch entities"] | Float[Tensor, "batch entities labels"]


class Taken(NamedTuple):
    """What the schema's own heads take from a batch; there is no link without a relation head."""

    entity_head: EntityHead
    mask: Bool[Tensor, "batch tokens"]
    gold: Targets
    linked: LinkedEntities | None


class AuxiliaryHead(nn.Module, ABC):
    """The head of one auxiliary task."""

    def __init__(self, task: AuxiliaryTask) -> None:
        super().__init__()
        self.task = task

    @abstractmethod
    def forward(self, stream: Float[Tensor, "batch tokens _"], taken: Taken) -> Float[Tensor, ""]:
        """The loss of the task, given its stream; it counts sentences as the main task does."""

    @abstractmethod
    def targets(self, main: Targets) -> Targets:
        """The targets of the schema's own head, as far as the task tells them apart."""


class BoundaryHead(AuxiliaryHead):
    """Finds entities whatever their types: an entity head of one type.

    Fragments of discontinuous entities are told from whole entities, which is no matter of types.
    """

    coarse_types: Tensor

    def __init__(self, task: AuxiliaryTask, schema: Schema, head: EntityHead) -> None:
        super().__init__(task)
        self.head = head
        fragments = {*schema.fragment_types.values()}
        coarse = [int(type_ in fragments) for type_ in schema.coded.entity_types]
        # A type more, so that padding points at something where there are no types.
        self.register_buffer("coarse_types", torch.tensor([*coarse, 0]), persistent=False)

    def forward(self, stream: Float[Tensor, "batch tokens _"], taken: Taken) -> Float[Tensor, ""]:
        """The loss of the entity head."""
        with torch.autocast(stream.device.type, enabled=False):
            return self.head.loss(self.head(stream), self.targets(taken.gold), taken.mask)

    def targets(self, main: Targets) -> Targets:
        """The same entities, of one type."""
        types = self.coarse_types[main.candidates.types]
        return replace(main, candidates=replace(main.candidates, types=types))


class PairHead(AuxiliaryHead):
    """Tells which pairs of entities have one of some relations: a relation head of one type.

    It reads the labels that the schema's own relation head reads.

    Args:
        task: says which relations.
        schema: that it is a coarser form of.
        head: of the task's own labels.
        link: marks the entities in the stream.
    """

    positive: Tensor

    def __init__(
        self, task: AuxiliaryTask, schema: Schema, head: RelationHead, link: EntityLink
    ) -> None:
        super().__init__(task)
        self.head, self.link = head, link
        positive = [
            place
            for place, type_ in enumerate(schema.coded.relation_types)
            if type_ in task.relation_types
        ]
        self.register_buffer("positive", torch.tensor(positive), persistent=False)

    def forward(self, stream: Float[Tensor, "batch tokens _"], taken: Taken) -> Float[Tensor, ""]:
        """The loss of the relation head.

        Raises:
            ValueError: if the schema has no relations.
        """
        if taken.linked is None:
            raise ValueError(f"{self.task.name!r} needs a schema with relation types")
        linked, labels = taken.linked
        # The layers that mark are as costly as those of the sharing, and as precise.
        marked = self.link.mark(taken.entity_head, stream, taken.mask, linked.candidates)
        with torch.autocast(stream.device.type, enabled=False):
            logits = self.head(marked, labels, linked.candidates)
            return self.head.loss(logits, self.targets(linked))

    def targets(self, main: Targets) -> Targets:
        """The same pairs, each with one relation or none."""
        related = main.relations[..., self.positive].amax(3, keepdim=True)
        if not self.task.is_directed:
            related = torch.maximum(related, related.transpose(1, 2))
        return replace(main, relations=related)
