"""From the config of a placement to the block that shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dovetail.config import (
    BottomSharingConfig,
    DepthSharingConfig,
    ExitsSharingConfig,
    GatesSharingConfig,
    IncrementalSharingConfig,
    PrimitivesSharingConfig,
    ProbeSharingConfig,
    SharingConfig,
)
from dovetail.encoders import ConcatenatedEncoder
from dovetail.layers.primitives import OPERATIONS, Noise, Primitives, Reservoir
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.layers.residual import Residual
from dovetail.layers.sequence import LayerFactory
from dovetail.layers.transformer_layer import TransformerLayer
from dovetail.sharing import (
    Budget,
    Gate,
    OverPieces,
    RoutedBlock,
    SharedLayersWithExits,
    SharingBlock,
    Stack,
    bottom,
    depth,
    depth_of_copies,
    exits_of_copies,
    gated,
    probe,
    projected,
    routed,
)
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS

Layered = (
    DepthSharingConfig
    | BottomSharingConfig
    | ExitsSharingConfig
    | GatesSharingConfig
    | ProbeSharingConfig
    | IncrementalSharingConfig
)
"""The placements that are made of layers of one sort."""


def layer_factory(config: Layered) -> LayerFactory:
    """What makes the layers of a placement, all but copies of pretrained ones.

    Behind gates it is the gated values that are normalised, not those of each layer.
    """
    normalise = config.normalise and not isinstance(config, GatesSharingConfig)

    def recurrent(width: int) -> BidirectionalLayer:
        return BidirectionalLayer(
            config.cell,
            input_dim=width,
            hidden_dim=config.hidden_dim,
            dropout=config.dropout,
            normalise=normalise,
        )

    def transformer(width: int) -> TransformerLayer:
        return TransformerLayer(
            input_dim=width,
            output_dim=2 * config.hidden_dim,
            num_heads=config.attention_heads,
            dropout=config.dropout,
            normalise=normalise,
        )

    return transformer if config.cell == "transformer" else recurrent


def residual_factory(config: ExitsSharingConfig | ProbeSharingConfig) -> LayerFactory:
    """What makes layers that add to what they read, of twice the config's hidden_dim."""
    make_layer = layer_factory(config.model_copy(update={"normalise": False}))
    if config.cell == "transformer":  # such a layer adds by itself, and normalises before
        return make_layer
    return lambda width: Residual(make_layer(width), normalise=config.normalise)


def build_sharing(
    config: SharingConfig, *, input_dim: int, chosen: Mapping[str, Any] | None = None
) -> SharingBlock:
    """The placement that a config describes, over token vectors of this width.

    With `chosen`, its final form.
    """
    if isinstance(config, PrimitivesSharingConfig):
        return build_routed_blocks(config, input_dim=input_dim)
    if isinstance(config, GatesSharingConfig):
        return build_gated_layers(config, input_dim=input_dim, chosen=chosen)
    if isinstance(config, ExitsSharingConfig):
        return build_exits(config, input_dim=input_dim)
    if isinstance(config, ProbeSharingConfig):
        own = {task: config.layers if task == config.task else 0 for task in TASKS}
        width = 2 * config.hidden_dim
        return probe(residual_factory(config), input_dim=input_dim, projection_dim=width, own=own)
    make_layer = layer_factory(config)
    own = {ENTITY_TASK: config.entity_layers, RELATION_TASK: config.relation_layers}
    if isinstance(config, BottomSharingConfig):
        return bottom(
            make_layer,
            input_dim=input_dim,
            own=own,
            shared=config.shared_layers,
            above={
                ENTITY_TASK: config.entity_layers_above,
                RELATION_TASK: config.relation_layers_above,
            },
            projection_dim=config.projection_dim,
        )
    return depth(make_layer, input_dim=input_dim, own=own, shared=config.shared_layers)


def build_gated_layers(
    config: GatesSharingConfig, *, input_dim: int, chosen: Mapping[str, Any] | None
) -> SharingBlock:
    """Layers with learned or random gates, or with `chosen` those that are left of them."""
    shares = {ENTITY_TASK: config.entity_budget, RELATION_TASK: config.relation_budget}
    block = gated(
        layer_factory(config),
        input_dim=input_dim,
        gates=_gates_of(config, shares, chosen),
        normalise=config.normalise,
        detach=config.detach,
        budget=Budget(shares, config.weight) if config.gates == "learned" else None,
    )
    return block.finalize() if chosen else block


def _gates_of(
    config: GatesSharingConfig, shares: Mapping[str, float], chosen: Mapping[str, Any] | None
) -> list[dict[str, Gate]]:
    """For each layer the gates of both tasks."""
    units = 2 * config.hidden_dim
    if chosen:
        return [
            {task: Gate.fixed(_places(own, units)) for task, own in by_task.items()}
            for by_task in chosen["own_units"]
        ]
    if config.gates == "random":
        return [
            {task: Gate.random(units, share) for task, share in shares.items()}
            for _ in range(config.layers)
        ]
    each = config.granularity == "unit"
    return [{task: Gate.learned(units, each=each) for task in shares} for _ in range(config.layers)]


def _places(marked: Sequence[int], number: int) -> Tensor:
    """Which of so many places are in the list."""
    return torch.isin(torch.arange(number), torch.tensor(marked, dtype=torch.int64))


def build_exits(config: ExitsSharingConfig, *, input_dim: int) -> SharingBlock:
    """The shared stack that a config describes, if its layers are not copies."""
    exits = {ENTITY_TASK: config.entity_exit, RELATION_TASK: config.relation_exit}
    if not config.residual:
        return SharedLayersWithExits(layer_factory(config), input_dim=input_dim, exits=exits)
    width = 2 * config.hidden_dim
    return Stack(
        [
            projected(dict.fromkeys(exits, input_dim), width),
            SharedLayersWithExits(residual_factory(config), input_dim=width, exits=exits),
        ]
    )


def build_routed_blocks(config: PrimitivesSharingConfig, *, input_dim: int) -> SharingBlock:
    """Blocks of primitives, over a shared projection if there is to be one."""

    def make_block(width: int) -> RoutedBlock:
        drawn: list[tuple[nn.Module, int]] = []
        if "reservoir" in config.primitives:
            layer = Reservoir(
                width,
                config.reservoir_dim,
                spectral_radius=config.spectral_radius,
                trained=config.trainable_primitives,
            )
            drawn.append((layer, layer.output_dim))
        if "noise" in config.primitives:
            drawn.append((Noise(config.noise), width))
        names = [name for name in config.primitives if name in OPERATIONS]
        return RoutedBlock(
            TASKS,
            Primitives(names, input_dim=width, drawn=drawn),
            output_dim=2 * config.hidden_dim,
            shared_fraction=config.shared_fraction,
            dropout=config.dropout,
        )

    width = config.projection_dim or input_dim
    blocks = routed(make_block, input_dim=width, num_blocks=config.blocks)
    if not config.projection_dim:
        return blocks
    return Stack([projected(dict.fromkeys(TASKS, input_dim), width), blocks])


def build_copied_layers(
    config: DepthSharingConfig | ExitsSharingConfig | IncrementalSharingConfig,
    encoder: ConcatenatedEncoder,
) -> OverPieces:
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
