"""Where the layers are: the placements that need nothing but shared and own layers.

* `depth`, after Crone (2020): shared layers, then layers of each task.
* `bottom`, after "Rethinking hard-parameter sharing" (2107.11359): own layers below, shared above.

The third placement, a shared stack that tasks leave at different layers, is `exits.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    make_layer: LayerFactory, *, input_dim: int, own: Mapping[str, int], shared: int
) -> SharingBlock:
    """`own[task]` layers for each task, then `shared` layers that run once for each task."""
    below = OwnLayers(make_layer, input_dims=dict.fromkeys(own, input_dim), num_layers=own)
    above = SharedLayers(make_layer, input_dims=below.output_dims, num_layers=shared)
    return Stack([below, above])
