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
from dovetail.strategies.gates.groups import GatedGroups
from dovetail.strategies.gates.layer import GatedLayer
from dovetail.strategies.gates.warmup import with_warmup
from dovetail.strategies.layer_factory import layer_factory, without_normalising
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy


class Gates(Strategy[GatesSharingConfig]):
    """Units of layers that are shared or a task's own."""

    def build(self, section: GatesSharingConfig, ground: Ground) -> SharingBlock:
        shares = ground.for_each(entity=section.entity_budget, relation=section.relation_budget)
        block = gated(
            # It is the gated values that are normalised, not those of each layer.
            layer_factory(without_normalising(section)),
            input_dim=ground.encoder.output_dim,
            gates=_gates_of(section, shares, ground),
            kind=GatedGroups if _gates_groups(section, ground) else GatedLayer,
            normalise=section.normalise,
            detach=section.detach,
            budget=Budget(shares, section.weight) if section.gates == "learned" else None,
        )
        return block.finalize() if ground.chosen else block

    def curriculum(self, section: GatesSharingConfig, joint: Phase) -> Curriculum:
        return with_warmup(joint, section)

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
        what = "Parameters of units" if isinstance(block.layers[0], GatedGroups) else "Units"
        return [f"{what} of a task's own, the others are shared: {own}"]


def _gates_groups(section: GatesSharingConfig, ground: Ground) -> bool:
    """Whether gates are on the groups of transformer layers.

    Models that were saved when that was not to be had, have them on outputs.
    """
    return section.gates_groups and not (ground.chosen and GatedLayer.asset in ground.chosen)


def _gates_of(
    section: GatesSharingConfig, shares: Mapping[str, float], ground: Ground
) -> list[dict[str, Gate]]:
    """For each layer the gates of all tasks."""
    layers = [_sorts_of_units(section, ground, place) for place in range(section.layers)]
    alone = section.start != "shared"
    if ground.chosen:
        kind = GatedGroups if _gates_groups(section, ground) else GatedLayer
        return [
            {task: Gate.fixed(_opened(own, sorts)) for task, own in by_task.items()}
            for by_task, sorts in zip(ground.chosen[kind.asset], layers, strict=True)
        ]
    if section.gates == "random":
        return [
            {task: Gate.random(sorts, share, alone=alone) for task, share in shares.items()}
            for sorts in layers
        ]
    each = section.granularity != "layer"
    return [
        {task: Gate.learned(sum(sorts), each=each, alone=alone) for task in shares}
        for sorts in layers
    ]


def _sorts_of_units(section: GatesSharingConfig, ground: Ground, place: int) -> tuple[int, ...]:
    """How many units of each sort the layer at a place has."""
    width = 2 * section.hidden_dim
    if not _gates_groups(section, ground):
        return (width,)
    enters = place == 0 and ground.encoder.output_dim != width
    return section.attention_heads, 2 * width, width if enters else 0


def _opened(own: Sequence[int] | Mapping[str, Sequence[int]], sorts: Sequence[int]) -> Tensor:
    """Which units are a task's own, given their places, or those of each sort."""
    places = [*own.values()] if isinstance(own, Mapping) else [own]
    return torch.cat([_places(some, units) for some, units in zip(places, sorts, strict=True)])


def _places(marked: Sequence[int], number: int) -> Tensor:
    """Which of so many places are in the list."""
    return torch.isin(torch.arange(number), torch.tensor(marked, dtype=torch.int64))
