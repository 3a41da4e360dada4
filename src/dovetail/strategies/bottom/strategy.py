"""The record of `bottom`."""

from __future__ import annotations

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.bottom.block import bottom
from dovetail.strategies.bottom.config import BottomSharingConfig
from dovetail.strategies.layer_factory import layer_factory
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy
from dovetail.text.document import ENTITY_TASK, RELATION_TASK


class Bottom(Strategy[BottomSharingConfig]):
    """Layers of each task, then shared ones."""

    def build(self, section: BottomSharingConfig, ground: Ground) -> SharingBlock:
        return bottom(
            layer_factory(section),
            input_dim=ground.encoder.output_dim,
            own={ENTITY_TASK: section.entity_layers, RELATION_TASK: section.relation_layers},
            shared=section.shared_layers,
            above={
                ENTITY_TASK: section.entity_layers_above,
                RELATION_TASK: section.relation_layers_above,
            },
            projection_dim=section.projection_dim,
        )

    def search_space(self, section: BottomSharingConfig) -> SearchSpace:
        # Shared layers above those of one task alone would have to read two widths.
        return {
            "shared_layers": {"low": 0, "high": 3},
            **{name: {"low": 1, "high": 3} for name in ("entity_layers", "relation_layers")},
            **super().search_space(section),
        }
