"""Shared layers, then layers of each task (Crone, 2020): new ones, or copies of an encoder's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from dovetail.layers.sequence import LayerFactory
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.copies import OverPieces, copies_of
from dovetail.strategies.stacks import OwnLayers, SharedLayers, Stack


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


def depth_of_copies(
    layers: Sequence[nn.Module],
    *,
    input_dim: int,
    piece_dim: int,
    shared: int,
    own: Mapping[str, int],
) -> OverPieces:
    """`depth` of copies: the path of every task is a run of layers, from the lowest of `layers` on.

    The shared layers are copies of the first ones, and each task goes on with copies of those that
    follow.  A task with fewer own layers than another ends at a lower layer.
    """
    tops = [layers[shared : shared + count] for count in own.values()]
    planned = [*layers[:shared], *(layer for top in tops for layer in top)]
    inside = depth(copies_of(planned), input_dim=piece_dim, shared=shared, own=own)
    readers = [task for task, count in own.items() if shared + count]
    return OverPieces(inside, input_dim=input_dim, readers=readers)
