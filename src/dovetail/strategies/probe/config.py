"""Layers of one task alone, as few of them alive as it needs."""

from __future__ import annotations

from typing import ClassVar, Literal

from dovetail.config.sections.sharing_section import SharingConfig
from dovetail.config.values import NonNegative, PositiveLayers
from dovetail.strategies.layers_config import LayersConfig


class ProbeSharingConfig(LayersConfig):
    """Layers of one task alone, with as few active units as it needs, to find exits."""

    implementation: ClassVar[str] = "dovetail.strategies.probe.strategy:Probe"
    paper: ClassVar[str] = "after LOMT, arXiv 2406.02984 (2024)"
    no_auxiliary: ClassVar[str] = "a probe finds out what one task alone needs"

    kind: Literal["probe"] = "probe"
    """Residual layers of a single task, made sparse; `dovetail probe` trains several."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """Kind of every layer: recurrent, or a new transformer layer."""

    normalise: bool = False
    """Whether each recurrent layer reads its input normalised to mean 0 and variance 1 for each
    token; transformer layers do so anyway. Outputs are not: a unit that is off adds nothing."""

    task: Literal["entity", "relation"] = "entity"
    """The task that is probed. The other one reads the encoders directly."""

    layers: PositiveLayers = 4
    """Layers of the task, each of which adds to what it reads."""

    penalty: NonNegative = 1e-3
    """Price of a unit or attention head: those by whose weights the loss
    changes less than that (root mean square of the averaged gradient) become zero. 0 keeps all."""


def probed(section: SharingConfig) -> tuple[str, float]:
    """The task of a probe, and what its groups have to be worth.

    Raises:
        TypeError: if the section is of another strategy.
    """
    if not isinstance(section, ProbeSharingConfig):
        raise TypeError(f"expected the config of a probe, found one of {section.kind!r}")
    return section.task, section.penalty
