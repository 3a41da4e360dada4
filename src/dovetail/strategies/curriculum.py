"""Ordered phases: what trains, on which data, for how long.  The default is one joint phase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch.optim import Optimizer

from dovetail.heads.link import EntityLink
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.objective import Objective


@runtime_checkable
class Model(Protocol):
    """A model as far as a strategy knows it."""

    sharing: SharingBlock

    @property
    def links(self) -> Sequence[EntityLink]:
        """The links from entities to relations, of each schema that has any."""


def everything(parameter: str) -> bool:
    """Every parameter that is not frozen anyway."""
    return True


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one optimiser.

    The optimiser is built from the parameters that `trains` names; the others are absent from it,
    so that neither decay nor momentum can move them.  `begin` changes the model before the first
    step, and `after_step` after each one, given the optimiser, which knows the step sizes and the
    moments of the gradients.
    """

    name: str
    epochs: int
    objectives: tuple[Objective, ...]
    trains: Callable[[str], bool] = everything
    begin: Callable[[Model], None] | None = None
    after_step: Callable[[Model, Optimizer], None] | None = None


Curriculum = tuple[Phase, ...]
