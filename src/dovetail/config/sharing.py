"""How much the two tasks share: which layers both read, and which belong to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from dovetail.config.incremental import (
    BankSharingConfig,
    DeltasSharingConfig,
    IncrementalSharingConfig,
)
from dovetail.config.inside_layers import GatesSharingConfig, PrimitivesSharingConfig
from dovetail.config.layers import LayersConfig, uneven_heads
from dovetail.config.section import Contradiction
from dovetail.config.values import (
    Layers,
    NonNegative,
    OptionalWidth,
    PositiveLayers,
)


class DepthSharingConfig(LayersConfig):
    """Shared layers first, then layers of each task's own (Crone, 2020)."""

    kind: Literal["depth"] = "depth"
    """Shared layers below, own layers above."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Kind of every layer: recurrent, a new transformer layer, or with `pretrained` a trained copy
    of one of the pretrained encoder's own top layers, in their order.
    Such layers keep their width and dropout, so hidden_dim, dropout and normalise do nothing."""

    shared_layers: Layers = 1
    """Layers that both tasks read."""

    entity_layers: Layers = 1
    """Layers of the entity task above the shared ones; with 0 it reads these directly."""

    relation_layers: Layers = 2
    """Layers of the relation task above the shared ones; with 0 it reads these directly."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from uneven_heads(self, self.cell)
        if not (self.shared_layers or self.entity_layers or self.relation_layers):
            yield from _nothing_to_copy(self.cell)


class BottomSharingConfig(LayersConfig):
    """Layers of each task's own first, then shared layers (after arXiv 2107.11359)."""

    kind: Literal["bottom"] = "bottom"
    """Own layers below, shared layers above; or own layers at both ends."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """Kind of every layer: recurrent, or a new transformer layer."""

    projection_dim: OptionalWidth = 0
    """Width to which the encoders' vectors are brought first, by one projection for both tasks; 0
    for none. With twice hidden_dim every layer reads the same width, so that plans with own layers
    at the bottom and at the top have equally many parameters."""

    entity_layers: Layers = 1
    """Layers of the entity task below the shared ones."""

    relation_layers: Layers = 1
    """Layers of the relation task below the shared ones."""

    shared_layers: Layers = 1
    """Layers in the middle, with the same parameters for both tasks."""

    entity_layers_above: Layers = 0
    """Layers of the entity task above the shared ones."""

    relation_layers_above: Layers = 0
    """Layers of the relation task above the shared ones."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from uneven_heads(self, self.cell)
        one_reads_below = (self.entity_layers == 0) != (self.relation_layers == 0)
        width = 2 * self.hidden_dim
        if self.shared_layers and one_reads_below and self.projection_dim != width:
            yield Contradiction(
                "projection_dim",
                f"one task has no layer below the shared ones, which would read vectors of two "
                f"widths; set projection_dim = {width} (twice hidden_dim), or give both a layer",
            )


class ExitsSharingConfig(LayersConfig):
    """One stack of shared layers that each task leaves at a layer of its own."""

    kind: Literal["exits"] = "exits"
    """A shared stack that the tasks leave at different layers."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Kind of every layer: recurrent, a new transformer layer, or with `pretrained` a trained copy
    of one of the pretrained encoder's own top layers, in their order.
    Such layers keep their width and dropout, so hidden_dim, dropout and normalise do nothing."""

    shared_layers: Layers = 3
    """Layers of the stack."""

    entity_exit: Layers = 1
    """The layer after which the entity task leaves; 0 reads the encoders directly."""

    relation_exit: Layers = 3
    """The layer after which the relation task leaves; 0 reads the encoders directly."""

    residual: bool = False
    """Whether each layer adds to what it reads, as those of a probe do, over a projection to twice
    hidden_dim; recurrent layers are then normalised (normalise) before and not after."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from uneven_heads(self, self.cell)
        if not self.shared_layers:
            yield from _nothing_to_copy(self.cell)
        if self.residual and self.cell == "pretrained":
            yield Contradiction(
                "residual", "pretrained layers add to what they read anyway; set residual = false"
            )
        for field in ("entity_exit", "relation_exit"):
            if getattr(self, field) > self.shared_layers:
                yield Contradiction(
                    field,
                    f"expected a layer from 0 to {self.shared_layers} (shared_layers), "
                    f"found {getattr(self, field)}; take an earlier exit, or add layers",
                )
        deepest = max(self.entity_exit, self.relation_exit)
        if deepest < self.shared_layers:
            yield Contradiction(
                "shared_layers",
                f"the last task leaves after layer {deepest}, so nothing reads what stands above "
                f"it; set shared_layers = {deepest}, or take a later exit",
            )


class ProbeSharingConfig(LayersConfig):
    """Layers of one task alone, as few of them alive as it needs: how exits are found."""

    kind: Literal["probe"] = "probe"
    """Residual layers of a single task, made sparse; `dovetail probe` trains several."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """Kind of every layer: recurrent, or a new transformer layer."""

    normalise: bool = False
    """Whether each recurrent layer reads its input normalised to mean 0 and variance 1 for each
    token; transformer layers do so anyway. Outputs are not: a unit that is off adds nothing."""

    task: Literal["entity", "relation"] = "entity"
    """The task that is probed. The other one reads the encoders directly."""

    layers: PositiveLayers = 4
    """Layers of the task, each of which adds to what it reads."""

    penalty: NonNegative = 1e-3
    """Price of a unit or attention head: those by whose weights the loss
    changes less than that (root mean square of the averaged gradient) become zero. 0 keeps all."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from uneven_heads(self, self.cell)


def _nothing_to_copy(cell: str) -> Iterator[Contradiction]:
    """Said of a plan without layers."""
    if cell == "pretrained":
        yield Contradiction("cell", 'there is no layer to copy; take one, or set cell = "gru"')


SharingConfig = Annotated[
    DepthSharingConfig
    | BottomSharingConfig
    | ExitsSharingConfig
    | GatesSharingConfig
    | PrimitivesSharingConfig
    | DeltasSharingConfig
    | BankSharingConfig
    | ProbeSharingConfig,
    Field(discriminator="kind"),
]
"""Any of the strategies; `kind` says which."""


def copies_layers(config: SharingConfig) -> bool:
    """Whether the layers are copies of the pretrained encoder's own."""
    return isinstance(
        config, DepthSharingConfig | ExitsSharingConfig | IncrementalSharingConfig
    ) and (config.cell == "pretrained")
