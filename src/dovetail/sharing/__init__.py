"""Sharing strategies: from one stream of token vectors to one stream for each task."""

from dovetail.sharing.bank import LayersOverBank
from dovetail.sharing.block import SharingBlock
from dovetail.sharing.deltas import LayersWithDeltas, Scores, with_replaced
from dovetail.sharing.exits import SharedLayersWithExits
from dovetail.sharing.gate import Gate
from dovetail.sharing.gates import Budget, GatedLayers, gated
from dovetail.sharing.incremental import IncrementalLayers, path_of
from dovetail.sharing.layers import OwnLayers, SharedLayers, Stack
from dovetail.sharing.over_pieces import OverPieces, depth_of_copies, exits_of_copies
from dovetail.sharing.plans import bottom, depth, probe, projected
from dovetail.sharing.primitives import RoutedBlock, routed
from dovetail.sharing.streams import Streams

__all__ = [
    "Budget",
    "Gate",
    "GatedLayers",
    "IncrementalLayers",
    "LayersOverBank",
    "LayersWithDeltas",
    "OverPieces",
    "OwnLayers",
    "RoutedBlock",
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
    "gated",
    "path_of",
    "probe",
    "projected",
    "routed",
    "with_replaced",
]
