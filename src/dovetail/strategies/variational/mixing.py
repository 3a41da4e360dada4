"""The shares that the others have in a member's prior: learned, and drawn by Gumbel-softmax."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gumbel_softmax

SPEED = 10.0
"""The optimiser moves all parameters by steps of about the learning rate, and a share has to go a
long way.  So logits learn a tenth of what they stand for."""

STANDARD = "N(0, I)"
"""The name of the component that is no member."""


class Temperatures(NamedTuple):
    """Temperature at the start, the lowest, and the share of it that each step takes."""

    first: float = 1.0
    lowest: float = 0.5
    cooling: float = 1e-3


class Mixing(nn.Module):
    """For each of some members the shares of all other members of its family.

    Args:
        members: those that have a prior here.
        family: all members.
        standard: whether there is a component N(0, I) behind the others.
        temperatures: of the Gumbel-softmax.
    """

    temperature: Tensor
    logits: nn.Module

    def __init__(
        self,
        members: Sequence[str],
        family: Sequence[str],
        *,
        standard: bool = False,
        temperatures: Temperatures | None = None,
    ) -> None:
        super().__init__()
        self.members, self.family, self.standard = tuple(members), tuple(family), standard
        self.settings = temperatures or Temperatures()
        self.logits = self._first_logits()
        self.register_buffer("temperature", torch.tensor(self.settings.first))

    def _first_logits(self) -> nn.Module:
        """A vector for each member, because vectors are not decayed."""
        number = len(self.family) - 1 + self.standard
        return nn.ParameterList([nn.Parameter(torch.zeros(number)) for _ in self.members])

    def logits_of(self, member: str) -> Float[Tensor, " components"]:
        """The logits of a member's shares."""
        return SPEED * self.logits.get_parameter(str(self.members.index(member)))

    def components(self, member: str) -> list[str]:
        """The names of what a member's prior is mixed from."""
        return [own for own in self.family if own != member] + [STANDARD] * self.standard

    def drawn(self, member: str) -> Float[Tensor, " components"]:
        """Shares that sum to 1: drawn in training, and the expected ones otherwise."""
        logits = self.logits_of(member)
        if not self.training:
            return logits.softmax(0)
        return gumbel_softmax(logits, tau=float(self.temperature), dim=0)

    @torch.no_grad()
    def shares(self) -> Mapping[str, Mapping[str, float]]:
        """For each member the probability of each component."""
        return {
            member: dict(
                zip(
                    self.components(member), self.logits_of(member).softmax(0).tolist(), strict=True
                )
            )
            for member in self.members
        }

    @torch.no_grad()
    def cool(self) -> None:
        """Lower the temperature by a step of training."""
        self.temperature.mul_(1 - self.settings.cooling).clamp_(min=self.settings.lowest)


class TaskMixing(Mixing):
    """The shares of all other tasks in each task's prior, of which some can be left out.

    So each share has a logit of its own.
    """

    def _first_logits(self) -> nn.Module:
        return nn.ModuleDict(
            {
                task: nn.ParameterDict(
                    {other: nn.Parameter(torch.zeros(())) for other in self.components(task)}
                )
                for task in self.members
            }
        )

    def logits_of(self, member: str) -> Float[Tensor, " components"]:
        own = self.logits.get_submodule(member)
        return SPEED * torch.stack([own.get_parameter(name) for name in self.components(member)])

    def without(self, tasks: Collection[str]) -> TaskMixing:
        """The same among the other tasks, on the same logits."""
        left = [task for task in self.members if task not in tasks]
        rest = TaskMixing(left, left, standard=self.standard, temperatures=self.settings)
        for task in left:
            logits = self.logits.get_submodule(task)
            own = {name: logits.get_parameter(name) for name in rest.components(task)}
            rest.logits.register_module(task, nn.ParameterDict(own))
        rest.temperature = self.temperature
        return rest.train(self.training)
