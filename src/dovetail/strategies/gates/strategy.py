"""The record of `gates`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.strategies.gates.block import Budget, GatedLayers, gated
from dovetail.strategies.gates.config import GatesSharingConfig
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.gates.warmup import with_shared_warmup
from dovetail.strategies.layer_factory import layer_factory, without_normalising
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy
from dovetail.text.document import ENTITY_TASK, RELATION_TASK


class Gates(Strategy[GatesSharingConfig]):
    """Units of layers that are shared or a task's own."""

    def build(self, section: GatesSharingConfig, ground: Ground) -> SharingBlock:
        shares = {ENTITY_TASK: section.entity_budget, RELATION_TASK: section.relation_budget}
        block = gated(
            # It is the gated values that are normalised, not those of each layer.
            layer_factory(without_normalising(section)),
            input_dim=ground.encoder.output_dim,
            gates=_gates_of(section, shares, ground.chosen),
            normalise=section.normalise,
            detach=section.detach,
            budget=Budget(shares, section.weight) if section.gates == "learned" else None,
        )
        return block.finalize() if ground.chosen else block

    def curriculum(self, section: GatesSharingConfig, joint: Phase) -> Curriculum:
        return with_shared_warmup(joint, section.warmup_epochs)

    def search_space(self, section: GatesSharingConfig) -> SearchSpace:
        space: dict[str, Any] = {"layers": {"low": 1, "high": 3}}
        for name in ("entity_budget", "relation_budget"):
            space[name] = {"low": 0.0, "high": 1.0, "step": 0.05}
        if section.gates == "learned":
            space["weight"] = {"low": 1.0, "high": 100.0, "log": True}
        return {**space, **super().search_space(section)}

    def card_lines(
        self, section: GatesSharingConfig, block: SharingBlock, *, num_new: int
    ) -> list[str]:
        """The share of its units that each task keeps for itself."""
        if not isinstance(block, GatedLayers):
            raise TypeError(f"expected gated layers, found {type(block).__name__}")
        own = ", ".join(f"{task} {block.open_share(task).item():.0%}" for task in block.tasks)
        return [f"Units of a task's own, the others are shared: {own}"]


def _gates_of(
    section: GatesSharingConfig, shares: Mapping[str, float], chosen: Mapping[str, Any] | None
) -> list[dict[str, Gate]]:
    """For each layer the gates of both tasks."""
    units, layers = 2 * section.hidden_dim, range(section.layers)
    if chosen:
        return [
            {task: Gate.fixed(_places(own, units)) for task, own in by_task.items()}
            for by_task in chosen["own_units"]
        ]
    if section.gates == "random":
        return [{task: Gate.random(units, share) for task, share in shares.items()} for _ in layers]
    each = section.granularity == "unit"
    return [{task: Gate.learned(units, each=each) for task in shares} for _ in layers]


def _places(marked: Sequence[int], number: int) -> Tensor:
    """Which of so many places are in the list."""
    return torch.isin(torch.arange(number), torch.tensor(marked, dtype=torch.int64))
