"""Layers whose units are shared or a task's own, as gates say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.values import Count, Fraction, NonNegative, PositiveLayers
from dovetail.strategies.layers_config import LayersConfig


class GatesSharingConfig(LayersConfig):
    """Layers whose units are shared or a task's own, as gates choose (after InterroGate, 2024)."""

    implementation: ClassVar[str] = "dovetail.strategies.gates.strategy:Gates"
    paper: ClassVar[str] = "after InterroGate, arXiv 2402.16848 (2024)"
    no_auxiliary: ClassVar[str] = (
        "the layers that tasks share read a mixture of the streams of all tasks"
    )

    kind: Literal["gates"] = "gates"
    """Gates decide for each unit of each layer."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """Kind of every layer: recurrent, or a new transformer layer, of which gates choose among the
    outputs, so that nothing inside of it can be removed."""

    layers: PositiveLayers = 2
    """Layers, each there once for both tasks and once for each task while it is trained."""

    gates: Literal["learned", "random"] = "learned"
    """Whether training finds which units are a task's own, or they are drawn once, as many as the
    budgets say: the control experiment."""

    granularity: Literal["unit", "layer"] = "unit"
    """Whether there is a gate for each unit of a layer, or one for all of them."""

    entity_budget: Fraction = 0.25
    """Share of its units that the entity task may own for free."""

    relation_budget: Fraction = 0.25
    """Share of its units that the relation task may own for free."""

    weight: NonNegative = 10.0
    """Weight in the loss of the share of units that learned gates open beyond the budgets."""

    detach: bool = False
    """Whether a task's loss is kept out of the other task's layers.  Else it reaches those below,
    since the shared layers read a mixture of what both tasks read."""

    warmup_epochs: Count = 8
    """Epochs with all units shared, before those of `training.epochs`.  The tasks' layers start as
    copies of the shared ones then."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if self.gates == "random" and self.granularity == "layer":
            yield Contradiction(
                "granularity",
                'random gates are drawn among units, and "layer" has one for all units; set '
                'granularity = "unit", or let the gates be learned',
            )
