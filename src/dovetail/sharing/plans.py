"""Where the layers are: the placements that need nothing but shared and own layers.

* `depth`, after Crone (2020): shared layers, then layers of each task.
* `bottom`, after "Rethinking hard-parameter sharing" (2107.11359): own layers below, shared ones
  above them; the layers above these again, and the projection, are ours, to compare the places.

The third placement, a shared stack that tasks leave at different layers, is `exits.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.layers.projection import Projection
from dovetail.layers.sequence import LayerFactory
from dovetail.sharing.block import SharingBlock
from dovetail.sharing.layers import OwnLayers, SharedLayers, Stack


def depth(
    make_layer: LayerFactory, *, input_dim: int, shared: int, own: Mapping[str, int]
) -> SharingBlock:
    """`shared` layers for all tasks, then `own[task]` layers for each; any may be zero.

    With zero own layers a task reads the shared output, with zero shared layers the tasks are
    independent above the encoders.
    """
    below = SharedLayers(make_layer, input_dims=dict.fromkeys(own, input_dim), num_layers=shared)
    above = OwnLayers(make_layer, input_dims=below.output_dims, num_layers=own)
    return Stack([below, above])


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


def projected(input_dims: Mapping[str, int], output_dim: int) -> SharingBlock:
    """One projection for all tasks, to be put below their layers."""
    return SharedLayers(
        lambda width: Projection(width, output_dim), input_dims=input_dims, num_layers=1
    )


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
