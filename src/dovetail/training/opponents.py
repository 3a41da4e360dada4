"""The steps of opponents: networks that objectives play against, with optimisers of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.optim import Adam

from dovetail.errors import TrainingError
from dovetail.strategies.objective import Objective, Opponent, Outputs
from dovetail.tensors.features import Batch
from dovetail.training.checkpoint import restore_optimiser, tensors_from_optimiser

BETAS = (0.9, 0.99)
"""The decays of Adam's averages: with the usual 0.999 it would still aim at what the model was."""


class Opponents:
    """The opponents of a phase's objectives, and their optimisers."""

    def __init__(self, objectives: Iterable[Objective]) -> None:
        self._all = [own.opponent for own in objectives if own.opponent is not None]
        self._optimisers = []
        for opponent in self._all:
            opponent.eval().requires_grad_(requires_grad=False)
            rate = opponent.learning_rate
            self._optimisers.append(Adam(opponent.parameters(), lr=rate, betas=BETAS))

    def learn(self, outputs: Outputs, batch: Batch) -> dict[str, float]:
        """Let each make a step on a batch, and return their losses by name.

        Gradients are taken for an opponent's own parameters and for nothing else, whatever its
        loss was computed from.

        Raises:
            TrainingError: if a loss is not a number any more.
        """
        losses = {}
        for opponent, optimiser in zip(self._all, self._optimisers, strict=True):
            opponent.train().requires_grad_()
            loss = opponent(outputs, batch)
            if loss is not None:
                losses[opponent.name] = _step(opponent, optimiser, loss)
            opponent.eval().requires_grad_(requires_grad=False)
        return losses

    def state(self) -> dict[str, Tensor]:
        """The state of the optimisers, by the place of the opponent and its own names."""
        return {
            f"{place}/{name}": tensor
            for place, optimiser in enumerate(self._optimisers)
            for name, tensor in tensors_from_optimiser(optimiser).items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for place, optimiser in enumerate(self._optimisers):
            start = f"{place}/"
            own = {n.removeprefix(start): t for n, t in state.items() if n.startswith(start)}
            restore_optimiser(optimiser, own)


def _step(opponent: Opponent, optimiser: Adam, loss: Tensor) -> float:
    value = loss.item()
    if not torch.isfinite(loss):
        raise TrainingError(
            f"the loss of the {opponent.name} is {value}: lower the learning_rate of its coupling"
        )
    parameters = [*opponent.parameters()]
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return value
