"""Averages of the weights over the steps of training, which are often better than the last ones.

* "ema": an exponential moving average (Polyak & Juditsky 1992), w_avg += (1 - d) (w - w_avg) after
  every step, with the decay d = min(decay, (1 + t) / (10 + t)) after t steps, so that the random
  first weights are soon forgotten.
* "swa": the plain mean of the weights after every step from a share of the steps on, after
  stochastic weight averaging (Izmailov et al. 2018), who average once an epoch at a constant rate.

Averages are what is scored on the dev set, saved, and gone on from after the phase.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

Average = Literal["none", "ema", "swa"]


class AveragedWeights:
    """An average of some weights, which are changed in place elsewhere.

    Args:
        weights: the floating point tensors to average, by name.
        kind: see the module.
        decay: the highest decay of "ema".
        first_step: the steps after which "swa" starts; until then the average is the weights.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], *, kind: Average, decay: float, first_step: int
    ) -> None:
        self._weights = dict(weights) if kind != "none" else {}
        self._kind, self._decay, self._first_step = kind, decay, first_step
        self._average = {name: tensor.detach().clone() for name, tensor in self._weights.items()}

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take in the weights as they are after so many steps, which is at least 1."""
        if self._weights:
            weights = [tensor.detach() for tensor in self._weights.values()]
            torch._foreach_lerp_([*self._average.values()], weights, self._share(steps))

    def _share(self, steps: int) -> float:
        """The share of the newest weights in the average."""
        if self._kind == "ema":
            return 1.0 - min(self._decay, (1 + steps) / (10 + steps))
        return 1.0 / max(1, steps - self._first_step)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Put the average in the place of the weights, and the weights back afterwards."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, tensor in self._weights.items():
            weight = tensor.detach().clone()
            tensor.copy_(self._average[name])
            self._average[name].copy_(weight)

    def state(self) -> dict[str, Tensor]:
        """The average by name; empty where nothing is averaged."""
        return dict(self._average)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, tensor in self._average.items():
            tensor.copy_(state[name])
