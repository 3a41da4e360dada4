"""Ordered phases: what trains, on which data, for how long.  The default is one joint phase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch.optim import Optimizer

from dovetail.heads.link import EntityLink
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.objective import Objective
from dovetail.text.document import TASKS


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
    step, `before_step` before each one, given the share of the phase's steps that are done, and
    `after_step` after each one, given the optimiser, which knows the step sizes and the moments of
    the gradients.

    A phase goes on from the best epoch of the one before.  One that starts `afresh` has all that it
    trains, of the model and of its objectives, back at the values that training began with, and the
    rest as it is after the last epoch of the phase before, which runs to its end: of a search it
    keeps what was found, and no dev score cuts it short.

    `tasks` are those that training is about, in their order.  In a phase of `only` one task the
    heads' losses of others are left out, no batch of another schema is read, and the best epoch is
    that of the task's own dev score.
    """

    name: str
    epochs: int
    objectives: tuple[Objective, ...]
    trains: Callable[[str], bool] = everything
    afresh: bool = False
    begin: Callable[[Model], None] | None = None
    before_step: Callable[[Model, float], None] | None = None
    after_step: Callable[[Model, Optimizer], None] | None = None
    tasks: tuple[str, ...] = TASKS
    only: str | None = None


Curriculum = tuple[Phase, ...]
