"""From the config of a placement to the block that shares."""

from __future__ import annotations

from dovetail.config import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    IncrementalSharingConfig,
)
from dovetail.document import ENTITY_TASK, RELATION_TASK
from dovetail.encoders import ConcatenatedEncoder
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.sequence import LayerFactory
from dovetail.layers.transformer import TransformerLayer
from dovetail.sharing import (
    SharedLayersWithExits,
    SharingBlock,
    bottom,
    depth,
    depth_of_copies,
    exits_of_copies,
)

PlacementConfig = DepthSharingConfig | BottomSharingConfig | ExitsSharingConfig
"""What says where layers are, and nothing else."""


def layer_factory(config: PlacementConfig | IncrementalSharingConfig) -> LayerFactory:
    """What makes the layers of a placement, all but copies of pretrained ones."""

    def recurrent(width: int) -> BidirectionalLayer:
        return BidirectionalLayer(
            config.cell,
            input_dim=width,
            hidden_dim=config.hidden_dim,
            dropout=config.dropout,
            normalise=config.normalise,
        )

    def transformer(width: int) -> TransformerLayer:
        return TransformerLayer(
            input_dim=width,
            output_dim=2 * config.hidden_dim,
            num_heads=config.attention_heads,
            dropout=config.dropout,
            normalise=config.normalise,
        )

    return transformer if config.cell == "transformer" else recurrent


def build_sharing(config: PlacementConfig, *, input_dim: int) -> SharingBlock:
    """The placement that a config describes, over token vectors of this width."""
    make_layer = layer_factory(config)
    if isinstance(config, ExitsSharingConfig):
        exits = {ENTITY_TASK: config.entity_exit, RELATION_TASK: config.relation_exit}
        return SharedLayersWithExits(make_layer, input_dim=input_dim, exits=exits)
    own = {ENTITY_TASK: config.entity_layers, RELATION_TASK: config.relation_layers}
    place = bottom if isinstance(config, BottomSharingConfig) else depth
    return place(make_layer, input_dim=input_dim, own=own, shared=config.shared_layers)


def build_copied_layers(
    config: DepthSharingConfig | ExitsSharingConfig, encoder: ConcatenatedEncoder
) -> SharingBlock:
    """The placement that a config describes, of copies of the pretrained encoder's top layers.

    The encoder parts with as many layers as the deepest path has.

    Raises:
        ModelError: if the encoder has fewer layers, or they do not run by themselves.
    """
    if isinstance(config, ExitsSharingConfig):
        exits = {ENTITY_TASK: config.entity_exit, RELATION_TASK: config.relation_exit}
        layers = encoder.hand_on(max(exits.values()))
        dims = {"input_dim": encoder.output_dim, "piece_dim": layers[0].output_dim}
        return exits_of_copies(layers, exits=exits, **dims)
    own = {ENTITY_TASK: config.entity_layers, RELATION_TASK: config.relation_layers}
    layers = encoder.hand_on(config.shared_layers + max(own.values()))
    dims = {"input_dim": encoder.output_dim, "piece_dim": layers[0].output_dim}
    return depth_of_copies(layers, shared=config.shared_layers, own=own, **dims)
