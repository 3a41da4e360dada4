"""Sharing strategies: from one stream of token vectors to one stream for each task."""

from dovetail.sharing.bank import LayersOverBank
from dovetail.sharing.block import SharingBlock
from dovetail.sharing.deltas import LayersWithDeltas, Scores, with_replaced
from dovetail.sharing.exits import SharedLayersWithExits
from dovetail.sharing.incremental import IncrementalLayers, path_of
from dovetail.sharing.layers import OwnLayers, SharedLayers, Stack
from dovetail.sharing.over_pieces import OverPieces, depth_of_copies, exits_of_copies
from dovetail.sharing.plans import bottom, depth
from dovetail.sharing.streams import Streams

__all__ = [
    "IncrementalLayers",
    "LayersOverBank",
    "LayersWithDeltas",
    "OverPieces",
    "OwnLayers",
    "Scores",
    "SharedLayers",
    "SharedLayersWithExits",
    "SharingBlock",
    "Stack",
    "Streams",
    "bottom",
    "depth",
    "depth_of_copies",
    "exits_of_copies",
    "path_of",
    "with_replaced",
]
