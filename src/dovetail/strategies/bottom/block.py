"""Own layers below, shared ones above them (after "Rethinking hard-parameter sharing", 2107.11359).

The layers above these again, and the projection, are ours, to compare the places.
"""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.layers.sequence import LayerFactory
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.stacks import OwnLayers, SharedLayers, Stack, projected


def bottom(
    make_layer: LayerFactory,
    *,
    input_dim: int,
    own: Mapping[str, int],
    shared: int,
    above: Mapping[str, int] | None = None,
    projection_dim: int = 0,
) -> SharingBlock:
    """`own[task]` layers, then `shared` layers that run once for each task, then `above[task]`.

    A shared projection in front gives the layers of both ends the same width to read, so that
    plans that mirror each other have equally many parameters; with `projection_dim` 0 there is
    none.
    """
    blocks: list[SharingBlock] = []
    dims: Mapping[str, int] = dict.fromkeys(own, input_dim)
    if projection_dim:
        blocks.append(projected(dims, projection_dim))
        dims = blocks[-1].output_dims
    blocks.append(OwnLayers(make_layer, input_dims=dims, num_layers=own))
    blocks.append(SharedLayers(make_layer, input_dims=blocks[-1].output_dims, num_layers=shared))
    if above is not None and any(above.values()):
        top = OwnLayers(make_layer, input_dims=blocks[-1].output_dims, num_layers=above)
        blocks.append(top)
    return Stack(blocks)
