"""Layers of each task's own first, then shared layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.values import Layers, OptionalWidth
from dovetail.strategies.layers_config import LayersConfig


class BottomSharingConfig(LayersConfig):
    """Layers of each task's own first, then shared layers (after arXiv 2107.11359)."""

    implementation: ClassVar[str] = "dovetail.strategies.bottom.strategy:Bottom"
    paper: ClassVar[str] = "after arXiv 2107.11359 (2021)"
    no_auxiliary: ClassVar[str] = ""

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
        yield from super().contradictions()
        one_reads_below = (self.entity_layers == 0) != (self.relation_layers == 0)
        width = 2 * self.hidden_dim
        if self.shared_layers and one_reads_below and self.projection_dim != width:
            yield Contradiction(
                "projection_dim",
                f"one task has no layer below the shared ones, which would read vectors of two "
                f"widths; set projection_dim = {width} (twice hidden_dim), or give both a layer",
            )
