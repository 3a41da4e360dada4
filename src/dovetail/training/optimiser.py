"""AdamW with a rate of its own for each trained encoder layer, warm-up and decay."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from dovetail.config import TrainingConfig


def build_optimiser(
    parameters: Iterable[tuple[str, nn.Parameter]],
    config: TrainingConfig,
    *,
    layers_above: Mapping[str, int] | None = None,
) -> AdamW:
    """An optimiser of the parameters that require gradients; a frozen parameter is not in it.

    Those whose names are in `layers_above` come from a pretrained encoder.  They learn at the
    config's `encoder_learning_rate`, times its `encoder_layer_decay` for each layer above them
    (Howard and Ruder, 2018).  Biases, norms and other vectors are not decayed.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters:
        if not parameter.requires_grad:
            continue
        rate = config.learning_rate
        if layers_above and name in layers_above:
            rate = config.encoder_learning_rate * config.encoder_layer_decay ** layers_above[name]
        decay = config.weight_decay if parameter.dim() > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return AdamW(
        [
            {"params": members, "lr": rate, "weight_decay": decay}
            for (rate, decay), members in sorted(groups.items(), key=lambda item: item[0])
        ]
    )


def build_schedule(
    optimiser: AdamW, config: TrainingConfig, *, total_steps: int, steps_done: int = 0
) -> LambdaLR:
    """Linear warm-up to the full rate, then the decay of the config down to zero (or none).

    The rates of the optimiser are the full ones; the schedule goes on after `steps_done` steps.
    """
    warmup_steps = round(config.warmup_fraction * total_steps)

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
        if config.decay == "linear":
            return max(0.0, 1.0 - progress)
        if config.decay == "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
        return 1.0

    for group in optimiser.param_groups:
        group["initial_lr"] = group["lr"]  # LambdaLR asks for it where it does not start at 0
    return LambdaLR(optimiser, factor, last_epoch=steps_done - 1)
