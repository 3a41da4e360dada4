"""Objectives: they turn the outputs of a model for a batch into named loss terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from dovetail.heads.parts import HeadParts
from dovetail.strategies.streams import Streams
from dovetail.tensors.features import Batch, Targets


class Outputs(NamedTuple):
    """The streams, what each head of the batch's schema makes of them, and its own loss by task.

    The relation head reads the gold entities here, so that each task has its own signal; where
    training gives it predicted ones besides (`EntityLink`), they come after the gold ones.
    There are no relation logits where the schema has no relation types.
    `taught` are the heads' losses against what a teacher says; there is none without a teacher.
    `penalties` are what the sharing and the heads add to the loss, by name.  `heads` are those of
    the schema, and `linked` the targets between whose candidates relations were scored, for
    objectives that read what the heads say; there is no `linked` without relation logits.
    """

    streams: Streams
    emissions: Float[Tensor, "batch tokens *scores"]
    relation_logits: Float[Tensor, "batch entities entities types"] | None
    losses: Mapping[str, Float[Tensor, ""]]
    taught: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})
    penalties: Mapping[str, Float[Tensor, ""]] = MappingProxyType({})
    heads: HeadParts | None = None
    linked: Targets | None = None


class Opponent(nn.Module, ABC):
    """A network that an objective plays against, with an optimiser (Adam) and steps of its own.

    After each step of the model it learns from what the model said of that batch.  It is in no
    other optimiser and in no saved model.  While the model learns, it is in evaluation mode, and
    its parameters take no gradient.
    """

    name: str
    """The name of its loss among those that are reported."""

    learning_rate: float

    @abstractmethod
    def forward(self, outputs: Outputs, batch: Batch) -> Float[Tensor, ""] | None:
        """Its own loss of a batch; None if it has nothing to learn from it."""


class Objective(nn.Module, ABC):
    """Named loss terms of a batch; the sum over all objectives is what training minimises.

    An objective may own parameters; training gives them to the optimiser with the model's.  Those
    of its opponent, if it names one, have another.
    """

    @property
    def opponent(self) -> Opponent | None:
        """The network that it plays against, one of its modules."""
        return None

    def own_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Its parameters by name, without those of its opponent."""
        opposed = {id(own) for own in self.opponent.parameters()} if self.opponent else set()
        for name, parameter in self.named_parameters():
            if id(parameter) not in opposed:
                yield name, parameter

    @abstractmethod
    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """Scalar terms by name, already weighted; `step` counts the optimiser's steps from 0."""


class Penalties(Objective):
    """The penalties of sharing block and heads, weighed there, from a step of training on."""

    def __init__(self, first_step: int = 0) -> None:
        super().__init__()
        self.first_step = first_step

    def forward(self, outputs: Outputs, batch: Batch, step: int) -> dict[str, Tensor]:
        """The penalties by name; none of a block that has none, and none before their time."""
        return dict(outputs.penalties) if step >= self.first_step else {}
