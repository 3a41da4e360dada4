"""Group sparsity as a step of its own after each step of AdamW, in AdamW's metric.

AdamW moves a number u by its step size over d = sqrt(v) + eps, so its metric is d / step size.  The
proximal step takes the weights u of a group to the minimum over w of

    1/2 sum_i d_i (w_i - u_i)^2 + threshold * |w|,    threshold = step size * penalty * sqrt(size)

which is exactly zero where |d u| <= threshold.  Otherwise w_i = d_i u_i / (d_i + threshold / |w|),
whose length is the root of a concave increasing function, found by Newton's method from below.

After LOMT (arXiv 2406.02984), whose penalty is paid in the loss too; here the step is the only
place.  That dead groups lose their momentum is ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

from dovetail.layers.groups import Groups, groups_of, layers_with_groups
from dovetail.strategies.curriculum import Model

MOST_STEPS, TOLERANCE = 20, 1e-6
"""Of Newton's method; the relative change of the length."""


def shrunk(
    values: Float[Tensor, "groups size"], metric: Float[Tensor, "groups size"], threshold: float
) -> Float[Tensor, "groups size"]:
    """The proximal step for some groups, with a positive threshold."""
    pull = metric * values
    alive = pull.norm(dim=1) > threshold
    result = torch.zeros_like(values)
    pull, metric = pull[alive], metric[alive]
    length = pull.new_zeros(len(pull), 1)
    for _ in range(MOST_STEPS):
        share = pull / (metric * length + threshold)  # w / |w|, if the length is right
        norm = share.norm(dim=1, keepdim=True)
        slope = (metric / (metric * length + threshold) * share.square()).sum(1, keepdim=True)
        step = (norm - 1) * norm.square() / slope
        length = length + step
        if bool((step.abs() <= TOLERANCE * length).all()):
            break
    result[alive] = pull * length / (metric * length + threshold)
    return result


class ProximalStep:
    """Shrink every group of the sharing after each optimiser step, many to zero.

    Args:
        penalty: the root mean square that the averaged gradient of a group's weights has to have
            for the group to live; positive.
    """

    def __init__(self, penalty: float) -> None:
        self.penalty = penalty

    def __call__(self, model: Model, optimiser: Optimizer) -> None:
        settings = {
            id(parameter): group
            for group in optimiser.param_groups
            for parameter in group["params"]
        }
        for layer in layers_with_groups(model.sharing):
            for groups in groups_of(layer):
                rate = settings[id(groups.parameters[0])]["lr"]
                if rate > 0:  # at the end of a schedule nothing moves
                    self._shrink(groups, optimiser, settings[id(groups.parameters[0])])

    def _shrink(self, groups: Groups, optimiser: Optimizer, setting: Mapping[str, Any]) -> None:
        parameters = [parameter.data for parameter in groups.parameters]
        states = [optimiser.state[parameter] for parameter in groups.parameters]
        second = groups.gather([state["exp_avg_sq"] for state in states])
        steps = float(states[0]["step"])
        metric = (second / (1 - setting["betas"][1] ** steps)).sqrt() + setting["eps"]
        threshold = setting["lr"] * self.penalty * math.sqrt(second.shape[1])
        values = shrunk(groups.gather(parameters), metric, threshold)
        groups.scatter(parameters, values)
        momentum = [state["exp_avg"] for state in states]
        alive = values.any(1, keepdim=True)
        groups.scatter(momentum, groups.gather(momentum) * alive)
