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
    attention heads and hidden units."""

    layers: PositiveLayers = 2
    """Layers, each there once for both tasks and once for each task while it is trained."""

    gates: Literal["learned", "random"] = "learned"
    """Whether training finds which units are a task's own, or they are drawn once, as many as the
    budgets say: the control experiment."""

    granularity: Literal["unit", "output", "layer"] = "unit"
    """What has a gate of its own: each unit, or each layer as a whole. In a transformer layer the
    units are heads, hidden units and the numbers of the projection of its input, if it has one;
    with `"output"` gates are on what it puts out, and nothing inside of it can be removed."""

    entity_budget: Fraction = 0.25
    """Share of its units that the entity task may own for free; in transformer layers, where units
    are not of one size, the share of their parameters."""

    relation_budget: Fraction = 0.25
    """The same for the relation task."""

    weight: NonNegative = 10.0
    """Weight in the loss of the share that learned gates open beyond the budgets."""

    detach: bool = False
    """Whether a task's loss is kept out of the other task's layers.  Else it reaches those below,
    since the shared layers read a mixture of what both tasks read."""

    start: Literal["shared", "alone", "mean"] = "shared"
    """What the tasks' layers are when the gates begin to decide: `"shared"`, copies of the shared
    ones, which all tasks have trained together; `"alone"`, trained by their task alone, each in a
    phase of its own, beside the shared ones; `"mean"`, the same, and the shared ones are their
    mean."""

    warmup_epochs: Count = 8
    """Epochs of each phase before those of `training.epochs`: one with all units shared and, with
    `start = "alone"`, one for each task; with `"mean"` those alone."""

    @property
    def gates_groups(self) -> bool:
        """Whether gates are on what a transformer layer consists of."""
        return self.cell == "transformer" and self.granularity != "output"

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if self.granularity == "output" and self.cell != "transformer":
            yield Contradiction(
                "granularity",
                f"the units of a layer of {self.cell} cells are its outputs; set "
                f'granularity = "unit", or cell = "transformer"',
            )
        if self.start != "shared" and not self.warmup_epochs:
            yield Contradiction(
                "warmup_epochs",
                f'start = "{self.start}" trains the tasks alone before the gates decide, and 0 '
                f'epochs leave no time for that; take some, or set start = "shared"',
            )
        if self.gates == "random" and self.granularity == "layer":
            yield Contradiction(
                "granularity",
                'random gates are drawn among units, and "layer" has one for all units; set '
                'granularity = "unit", or let the gates be learned',
            )
