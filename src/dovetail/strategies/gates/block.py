"""Gated layers one after the other, with a budget of own units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu

from dovetail.layers.sequence import LayerFactory
from dovetail.strategies.gates.gate import Gate
from dovetail.strategies.gates.layer import GatedLayer
from dovetail.strategies.stacks import Stack


class Budget(NamedTuple):
    """The share of own units that is free for each task, and the price of more."""

    shares: Mapping[str, float]
    weight: float


class GatedLayers(Stack):
    """Gated layers one after the other, from tied streams, with a budget of own units."""

    def __init__(self, layers: Sequence[GatedLayer], budget: Budget | None = None) -> None:
        super().__init__(layers)
        self.budget = budget

    @property
    def layers(self) -> list[GatedLayer]:
        """The layers, from the lowest."""
        return [layer for layer in self.blocks if isinstance(layer, GatedLayer)]

    def hold(self, opened: bool | None) -> None:
        """Hold all gates open or closed, so that nothing or all is shared, or let them decide.

        Raises:
            ValueError: if they are to be held open and were not made for that.
        """
        for gate in (own for layer in self.layers for own in layer.gates.values()):
            if isinstance(gate, Gate):
                gate.hold(opened)

    def branch_off(self) -> None:
        """Make the tasks' layers copies of the shared ones."""
        for layer in self.layers:
            layer.branch_off()

    def join(self) -> None:
        """Make the shared layers the means of the tasks' layers."""
        for layer in self.layers:
            layer.join()

    @staticmethod
    def learned_when_shared(parameter: str) -> bool:
        """Whether training changes the parameter of this name while all gates are closed."""
        return parameter.split(".")[2] == "shared"

    @staticmethod
    def is_own(parameter: str, task: str) -> bool:
        """Whether the parameter of this name is of the layers of a task."""
        return parameter.split(".")[2:4] == ["own", task]

    def penalties(self) -> Mapping[str, Tensor]:
        """For each task, what it costs that it keeps more units than its budget.

        Weight times the mean over tasks of max(0, open share - budget): within the budget a unit
        costs nothing.  The gradient goes straight through the rounding, as elsewhere.
        """
        if self.budget is None:
            return {}
        price = self.budget.weight / len(self.tasks)
        return {
            f"gates_{task}": price * relu(self.open_share(task) - self.budget.shares[task])
            for task in self.tasks
        }

    def open_share(self, task: str) -> Float[Tensor, ""]:
        """The share of its units, over all layers, that a task owns, by what they count for."""
        sizes = torch.cat([layer.get_buffer("sizes") for layer in self.layers])
        gates = torch.cat([layer.gates[task]() for layer in self.layers])
        return (sizes * gates).sum() / sizes.sum()

    def finalize(self) -> GatedLayers:
        """The layers without what no task reads."""
        return GatedLayers([layer.finalize() for layer in self.layers])

    def assets(self) -> dict[str, Any]:
        """For each layer and task the places of its own units."""
        first = self.layers[0]
        return {first.asset: [layer.own_places() for layer in self.layers]}


def gated(
    make_layer: LayerFactory,
    *,
    input_dim: int,
    gates: Sequence[Mapping[str, Gate]],
    kind: type[GatedLayer] = GatedLayer,
    budget: Budget | None = None,
    **settings: bool,
) -> GatedLayers:
    """As many gated layers as there are maps of gates; each shared one above the first mixes.

    `settings` are those of each layer.
    """
    layers: list[GatedLayer] = []
    for by_task in gates:
        layer = kind(
            make_layer,
            input_dim=input_dim,
            gates=by_task,
            mixes=bool(layers),
            **settings,
        )
        layers.append(layer)
        input_dim = layer.output_dims[layer.tasks[0]]
    return GatedLayers(layers, budget)
