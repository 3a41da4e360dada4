"""The record of `probe`."""

from __future__ import annotations

from dataclasses import replace

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.strategies.layer_factory import residual_factory
from dovetail.strategies.probe.block import probe
from dovetail.strategies.probe.config import ProbeSharingConfig
from dovetail.strategies.probe.proximal import ProximalStep
from dovetail.strategies.strategy import Ground, Strategy


class Probe(Strategy[ProbeSharingConfig]):
    """Layers of one task, made sparse."""

    def build(self, section: ProbeSharingConfig, ground: Ground) -> SharingBlock:
        return probe(
            residual_factory(section),
            input_dim=ground.encoder.output_dim,
            projection_dim=2 * section.hidden_dim,
            own={task: section.layers if task == section.task else 0 for task in ground.tasks},
        )

    def curriculum(self, section: ProbeSharingConfig, joint: Phase) -> Curriculum:
        if not section.penalty:
            return (joint,)
        return (replace(joint, after_step=ProximalStep(section.penalty)),)
