"""Discriminators: from what a task says of a batch to whose sentences they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from dovetail.couplings.adversarial.network import Convolutions
from dovetail.strategies.objective import Outputs
from dovetail.tensors.features import Batch
from dovetail.text.document import ENTITY_TASK
from dovetail.text.named_schemas import kind_of_task


class Read(NamedTuple):
    """What a discriminator reads of a batch: values at positions, and which of these are real."""

    values: Float[Tensor, "batch *positions dim"]
    mask: Bool[Tensor, " batch *positions"]


class Discriminator(nn.Module, ABC):
    """Tells at every position from which sentences something is, by convolutions.

    Args:
        task: the task whose outputs or stream it reads, under its full name.
        network: the convolutions.
        domains: the places of the domains that it knows, in `Batch.domains`.
    """

    def __init__(self, task: str, network: Convolutions, domains: Sequence[int]) -> None:
        super().__init__()
        self.task, self.network, self.domains = task, network, tuple(domains)

    @abstractmethod
    def read(self, outputs: Outputs, batch: Batch) -> Read:
        """The values that it reads, with gradients into the model."""

    @abstractmethod
    def loss(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""] | None:
        """What it minimises: its mean cross-entropy; None where it has nothing to tell apart."""

    @abstractmethod
    def fooled(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""]:
        """What the model minimises."""

    def labelled(self, batch: Batch) -> Bool[Tensor, " batch"]:
        """Which sentences are annotated for the task."""
        if batch.targets is None:
            raise ValueError("expected a batch with targets")
        return batch.targets.annotated[kind_of_task(self.task)]

    def domain(self, batch: Batch) -> Int[Tensor, " batch"]:
        """The place of each sentence's domain among those that it knows."""
        if batch.domains is None:
            raise ValueError("expected a batch that knows the domains of its sentences")
        known = torch.tensor(self.domains, device=batch.domains.device)
        return (batch.domains.unsqueeze(1) == known).long().argmax(1)


class OutputDiscriminator(Discriminator):
    """Tells outputs on sentences annotated for a task from those on others, and their domain.

    Its classes are a labelled and an unlabelled one for each domain.  The model is to let outputs
    on unlabelled sentences pass for labelled ones, of whatever domain.
    """

    def read(self, outputs: Outputs, batch: Batch) -> Read:
        """Probabilities of the tags at each token, or of the relations of each pair.

        Pairs are those of annotated entities: spurious ones are only where entities are annotated,
        which would give their sentences away.
        """
        heads = outputs.heads
        if heads is None or batch.targets is None:
            raise ValueError("expected the outputs of a model in training, with heads and targets")
        if kind_of_task(self.task) == ENTITY_TASK:
            tags = heads.entity_head.token_probabilities(outputs.emissions, batch.mask)
            return Read(tags, batch.mask)
        if heads.relation_head is None or outputs.relation_logits is None:
            raise ValueError(f"expected relations for the task {self.task}")
        candidates = batch.targets.candidates
        number = candidates.mask.shape[1]
        possible = heads.relation_head.possible(candidates)
        relations = torch.sigmoid(outputs.relation_logits[:, :number, :number]) * possible
        return Read(relations, possible.any(3))

    def scores(self, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log probabilities of the classes, labelled ones first, and the mask of positions."""
        values, mask = self.read(outputs, batch)
        return self.network(values, mask).log_softmax(-1), mask

    def passes(self, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log probability that a position is of a labelled sentence, and the mask of positions."""
        scores, mask = self.scores(outputs, batch)
        return scores[..., : scores.shape[-1] // 2].logsumexp(-1), mask

    def loss(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""] | None:
        """Labelled and unlabelled sentences count the same, however many there are of each."""
        with torch.no_grad():
            values, mask = self.read(outputs, batch)
        scores = self.network(values, mask).log_softmax(-1)
        labelled = self.labelled(batch)
        each = scores.shape[-1] // 2
        place = self.domain(batch) % each  # all are one class where domains are not told apart
        classes = torch.where(labelled, place, place + each)
        losses = -scores.gather(-1, _spread(classes, scores)).squeeze(-1)
        sides = (mask & _spread(rows, mask) for rows in (labelled, ~labelled))
        means = [_mean(losses, side) for side in sides if bool(side.any())]
        return torch.stack(means).mean() if means else None

    def fooled(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""]:
        """How unlikely unlabelled sentences pass for labelled ones, in nats per position."""
        passing, mask = self.passes(outputs, batch)
        return _mean(-passing, mask & _spread(~self.labelled(batch), mask))


class FeatureDiscriminator(Discriminator):
    """Tells the domain of a sentence by the token vectors of a task's stream.

    The model is to make that harder: its gradient is the opposite of the discriminator's (Ganin
    and Lempitsky 2015).
    """

    def read(self, outputs: Outputs, batch: Batch) -> Read:
        return Read(outputs.streams[self.task], batch.mask)

    def loss(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""] | None:
        with torch.no_grad():
            values, mask = self.read(outputs, batch)
        return self._told(values, mask, batch)

    def fooled(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""]:
        """The discriminator's loss, whose gradient is reversed."""
        values, mask = self.read(outputs, batch)
        turned: Tensor = Reversed.apply(values)  # type: ignore[no-untyped-call]
        return self._told(turned, mask, batch)

    def _told(self, values: Tensor, mask: Tensor, batch: Batch) -> Float[Tensor, ""]:
        scores = self.network(values, mask).log_softmax(-1)
        losses = -scores.gather(-1, _spread(self.domain(batch), scores)).squeeze(-1)
        return _mean(losses, mask)


class Reversed(torch.autograd.Function):
    """The same values; their gradient comes back with the opposite sign."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return -gradient


def _spread(rows: Tensor, over: Tensor) -> Tensor:
    """A value of each sentence at all of its positions, as an index of the last axis or a mask."""
    shape = over.shape if over.dtype == torch.bool else (*over.shape[:-1], 1)
    return rows.view(-1, *[1] * (len(shape) - 1)).expand(shape)


def _mean(losses: Tensor, positions: Tensor) -> Float[Tensor, ""]:
    """Over some positions; zero if there are none."""
    return (losses * positions).sum() / positions.sum().clamp(min=1)
