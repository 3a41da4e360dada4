"""The record of `primitives`."""

from __future__ import annotations

from torch import nn

from dovetail.layers.primitives import OPERATIONS, Noise, Primitives, Reservoir
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.primitives.block import RoutedBlock, routed
from dovetail.strategies.primitives.config import PrimitivesSharingConfig
from dovetail.strategies.stacks import Stack, projected
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy


class RoutedPrimitives(Strategy[PrimitivesSharingConfig]):
    """Fixed operations that tasks recombine."""

    def build(self, section: PrimitivesSharingConfig, ground: Ground) -> SharingBlock:
        """Blocks of primitives, over a shared projection if there is to be one."""
        input_dim = ground.encoder.output_dim
        width = section.projection_dim or input_dim
        blocks = routed(
            lambda width: _block(section, ground.tasks, width),
            input_dim=width,
            num_blocks=section.blocks,
        )
        if not section.projection_dim:
            return blocks
        return Stack([projected(dict.fromkeys(ground.tasks, input_dim), width), blocks])

    def search_space(self, section: PrimitivesSharingConfig) -> SearchSpace:
        return {
            "blocks": {"low": 1, "high": 3},
            "shared_fraction": {"low": 0.0, "high": 1.0, "step": 0.25},
            **super().search_space(section),
        }


def _block(section: PrimitivesSharingConfig, tasks: tuple[str, ...], width: int) -> RoutedBlock:
    """A block for streams of a width."""
    drawn: list[tuple[nn.Module, int]] = []
    if "reservoir" in section.primitives:
        layer = Reservoir(
            width,
            section.reservoir_dim,
            spectral_radius=section.spectral_radius,
            trained=section.trainable_primitives,
        )
        drawn.append((layer, layer.output_dim))
    if "noise" in section.primitives:
        drawn.append((Noise(section.noise), width))
    names = [name for name in section.primitives if name in OPERATIONS]
    return RoutedBlock(
        tasks,
        Primitives(names, input_dim=width, drawn=drawn),
        output_dim=2 * section.hidden_dim,
        shared_fraction=section.shared_fraction,
        dropout=section.dropout,
    )
