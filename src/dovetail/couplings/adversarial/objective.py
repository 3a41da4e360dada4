"""The two sides of the game: what the model minimises, and its opponent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dovetail.couplings.adversarial.discriminator import Discriminator
from dovetail.strategies.objective import Objective, Opponent, Outputs
from dovetail.tensors.features import Batch
from dovetail.text.named_schemas import named


class Discriminators(Opponent):
    """All discriminators of a model, those of the batch's schema at work."""

    name = "discriminator"

    def __init__(self, discriminators: Sequence[Discriminator], learning_rate: float) -> None:
        super().__init__()
        self.all = nn.ModuleList(discriminators)
        self.learning_rate = learning_rate

    def of_schema(self, schema: str) -> Iterator[Discriminator]:
        """Those of the tasks of a schema."""
        for own in self.all:
            if isinstance(own, Discriminator) and own.task.startswith(named(schema, "")):
                yield own

    def forward(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""] | None:
        """The sum of their losses; None if none has anything to tell apart."""
        losses = [own.loss(outputs, batch) for own in self.of_schema(batch.schema)]
        told = [loss for loss in losses if loss is not None]
        return torch.stack(told).sum() if told else None


class AdversarialObjective(Objective):
    """Fooling the discriminators, with a weight that rises from zero.

    Args:
        discriminators: what is to be fooled.
        weight: after the warm-up.
        warmup_steps: steps in which the weight rises.
    """

    def __init__(self, discriminators: Discriminators, weight: float, warmup_steps: int) -> None:
        super().__init__()
        self.discriminators = discriminators
        self.weight, self.warmup_steps = weight, warmup_steps

    @property
    def opponent(self) -> Discriminators:
        return self.discriminators

    def weight_at(self, step: int) -> float:
        """The weight at a step of the optimiser, counted from 0."""
        return (
            self.weight * min(1.0, step / self.warmup_steps) if self.warmup_steps else self.weight
        )

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """A weighted term for each schema."""
        losses = [own.fooled(outputs, batch) for own in self.discriminators.of_schema(batch.schema)]
        if not losses:
            return {}
        fooled = self.weight_at(step) * torch.stack(losses).sum()
        return {named(batch.schema, "adversarial"): fooled}
