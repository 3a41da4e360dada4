"""Strategies that share inside of layers: unit by unit, or by parts of a layer's output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from dovetail.config.layers import LayersConfig, uneven_heads
from dovetail.config.section import Contradiction, Section
from dovetail.config.values import (
    Count,
    Dropout,
    Fraction,
    NonNegative,
    OptionalWidth,
    PositiveLayers,
    Width,
)


class GatesSharingConfig(LayersConfig):
    """Layers whose units are shared or a task's own, as gates say (after InterroGate, 2024)."""

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
        yield from uneven_heads(self, self.cell)
        if self.gates == "random" and self.granularity == "layer":
            yield Contradiction(
                "granularity",
                'random gates are drawn among units, and "layer" has one for all units; set '
                'granularity = "unit", or let the gates be learned',
            )


Primitive = Literal[
    "identity",
    "previous",
    "next",
    "previous_2",
    "next_2",
    "mean_3",
    "mean_5",
    "max_3",
    "max_5",
    "sentence_mean",
    "reservoir",
    "noise",
]
"""An operation that is not trained."""


class PrimitivesSharingConfig(Section):
    """Fixed operations, recombined by shared and by own weights (after ETR-NLP, 2023)."""

    kind: Literal["primitives"] = "primitives"
    """Operations that nobody trains, and learned layers that choose among them."""

    primitives: Annotated[tuple[Primitive, ...], Field(min_length=1)] = (
        "identity",
        "previous",
        "next",
        "reservoir",
    )
    """Operations on the tokens: the token itself, the one before or behind (or the second), means
    or maxima of the 3 or 5 around, the mean of the sentence, a random recurrent network, or the
    token with noise in training."""

    blocks: PositiveLayers = 2
    """Blocks of primitives and learned layers, one after the other."""

    projection_dim: OptionalWidth = 256
    """Width to which one shared projection brings the encoders' vectors first; 0 for none.  Every
    primitive but the reservoir has the width of what it reads."""

    hidden_dim: Width = 192
    """Half of the width of a block's output, as in a bidirectional layer."""

    shared_fraction: Fraction = 0.5
    """Share of a block's outputs that come from shared weights, the others from the task's own."""

    dropout: Dropout = 0.35
    """Probability with which a number of a primitive is dropped in training."""

    reservoir_dim: Width = 192
    """Units of the random network in each direction."""

    spectral_radius: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """How slowly the random network forgets: by this factor a token."""

    noise: NonNegative = 0.1
    """Standard deviation of the noise."""

    trainable_primitives: bool = False
    """Whether the reservoir is trained after all: the control experiment."""

    def contradictions(self) -> Iterator[Contradiction]:
        twice = {name for name in self.primitives if self.primitives.count(name) > 1}
        if twice:
            yield Contradiction(
                "primitives", f"{', '.join(sorted(twice))} is there twice; name each once"
            )
        if self.trainable_primitives and "reservoir" not in self.primitives:
            yield Contradiction(
                "trainable_primitives",
                "of the primitives only the reservoir has weights, and it is not there; add "
                '"reservoir" to primitives, or set trainable_primitives = false',
            )
