"""The record of `bank`."""

from __future__ import annotations

from dovetail.strategies.added.bank.block import LayersOverBank
from dovetail.strategies.added.bank.config import BankSharingConfig
from dovetail.strategies.added.block import IncrementalLayers
from dovetail.strategies.added.strategy import Added, Paths
from dovetail.strategies.strategy import Ground


class Bank(Added[BankSharingConfig]):
    """Layers as a bank of filters that tasks modulate."""

    def learned(
        self, section: BankSharingConfig, paths: Paths, ground: Ground, *, input_dim: int
    ) -> IncrementalLayers:
        layers = LayersOverBank(paths, section.add_tasks, input_dim=input_dim, rank=section.rank)
        if ground.base is not None and section.start == "responses":
            layers.start(ground.calibration)
        return layers

    def calibration_sentences(self, section: BankSharingConfig) -> int:
        return section.calibration_sentences
