"""Shared layers first, then layers of each task's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.values import Layers
from dovetail.strategies.layers_config import LayersConfig, nothing_to_copy


class DepthSharingConfig(LayersConfig):
    """Shared layers first, then layers of each task's own (Crone, 2020)."""

    implementation: ClassVar[str] = "dovetail.strategies.depth.strategy:Depth"
    paper: ClassVar[str] = "Crone (2020), arXiv 2002.06424"
    no_auxiliary: ClassVar[str] = ""

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
        yield from super().contradictions()
        if not (self.shared_layers or self.entity_layers or self.relation_layers):
            yield from nothing_to_copy(self.cell)
