"""The record of `depth`."""

from __future__ import annotations

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.depth.block import depth, depth_of_copies
from dovetail.strategies.depth.config import DepthSharingConfig
from dovetail.strategies.layer_factory import layer_factory
from dovetail.strategies.strategy import Ground, PlainLayers, SearchSpace, Strategy
from dovetail.text.document import ENTITY_TASK, RELATION_TASK


class Depth(Strategy[DepthSharingConfig]):
    """Shared layers, then layers of each task."""

    def build(self, section: DepthSharingConfig, ground: Ground) -> SharingBlock:
        encoder, shared = ground.encoder, section.shared_layers
        own = {ENTITY_TASK: section.entity_layers, RELATION_TASK: section.relation_layers}
        if not section.copies_layers:
            return depth(
                layer_factory(section), input_dim=encoder.output_dim, shared=shared, own=own
            )
        layers = encoder.hand_on(shared + max(own.values()))
        dims = {"input_dim": encoder.output_dim, "piece_dim": layers[0].output_dim}
        return depth_of_copies(layers, shared=shared, own=own, **dims)

    def search_space(self, section: DepthSharingConfig) -> SearchSpace:
        layers = ("shared_layers", "entity_layers", "relation_layers")
        return {
            **{name: {"low": 0, "high": 3} for name in layers},
            **super().search_space(section),
        }

    def plain_layers(self, section: DepthSharingConfig) -> PlainLayers:
        shared = section.shared_layers
        own = {ENTITY_TASK: section.entity_layers, RELATION_TASK: section.relation_layers}
        return PlainLayers(shared, {task: shared + count for task, count in own.items()})
