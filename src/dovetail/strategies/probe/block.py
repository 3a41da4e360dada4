"""Layers of single tasks, apart from each other."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.layers.projection import Projection
from dovetail.layers.sequence import LayerFactory
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.stacks import OwnLayers, Stack


def probe(
    make_layer: LayerFactory, *, input_dim: int, projection_dim: int, own: Mapping[str, int]
) -> SharingBlock:
    """`own[task]` layers over a projection of the task's own; nothing is shared.

    A task with zero layers reads the encoders directly, so that it has no say in the layers of the
    task that is probed.
    """
    below = OwnLayers(
        lambda width: Projection(width, projection_dim),
        input_dims=dict.fromkeys(own, input_dim),
        num_layers={task: min(1, count) for task, count in own.items()},
    )
    return Stack([below, OwnLayers(make_layer, input_dims=below.output_dims, num_layers=own)])
