"""Streams that find the same tokens alike.

Of each two tokens of a sentence it compares the cosine of their vectors in the stream of one task
with that in the stream of the other, whatever the widths of the two.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from dovetail.couplings.coupling import Coupling, CouplingGround
from dovetail.errors import TrainingError
from dovetail.strategies.objective import Objective, Outputs
from dovetail.strategies.strategy import SearchSpace
from dovetail.tensors.features import Batch
from dovetail.text.named_schemas import named, tasks_of
from dovetail_example.alike_config import AlikeCouplingConfig


class AlikeObjective(Objective):
    """The mean squared difference of the cosines, for each two tasks of the batch's schema."""

    def __init__(self, tasks: dict[str, tuple[str, ...]], weight: float) -> None:
        super().__init__()
        self.tasks, self.weight = tasks, weight

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """A term; none for a schema with one task."""
        tasks = self.tasks[batch.schema]
        if len(tasks) < 2:
            return {}
        likenesses = [cosines(outputs.streams[task]) for task in tasks]
        pairs = batch.mask.unsqueeze(1) & batch.mask.unsqueeze(2)
        distances = [(one - other)[pairs].square() for one, other in combinations(likenesses, 2)]
        return {named(batch.schema, "alike"): self.weight * torch.stack(distances).mean()}


def cosines(stream: Tensor) -> Tensor:
    """Those of each two tokens of a sentence."""
    directions = normalize(stream, dim=2, eps=1e-6)
    return directions @ directions.transpose(1, 2)


class Alike(Coupling[AlikeCouplingConfig]):
    """The record: its objective, what is tuned, and what the card of a model says."""

    def objectives(
        self, section: AlikeCouplingConfig, ground: CouplingGround
    ) -> tuple[Objective, ...]:
        tasks = {name: tasks_of(name, schema) for name, schema in ground.schemas.items()}
        if max(map(len, tasks.values())) < 2:
            raise TrainingError('the coupling "alike" needs a schema with two tasks; leave it out')
        return (AlikeObjective(tasks, section.weight),) if section.weight else ()

    def search_space(self, section: AlikeCouplingConfig) -> SearchSpace:
        return {"weight": {"low": 0.01, "high": 10.0, "log": True}}

    def card_lines(self, section: AlikeCouplingConfig) -> list[str]:
        return [f"The tasks' streams were made alike (weight {section.weight:g})"]
