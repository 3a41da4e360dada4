"""The section of the strategy: what a config may say of it.  It needs no torch."""

from __future__ import annotations

from typing import ClassVar, Literal

from dovetail.config.values import Fraction, PositiveLayers
from dovetail.strategies import LayersConfig


class CrossStitchSharingConfig(LayersConfig):
    """Layers of each task's own, which read a learned mixture of both (Misra et al., 2016)."""

    implementation: ClassVar[str] = "dovetail_example.cross_stitch:CrossStitch"
    paper: ClassVar[str] = "Misra et al. (2016), arXiv 1604.03539"

    kind: Literal["cross-stitch"] = "cross-stitch"
    """Own layers with learned mixtures between them."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """Kind of every layer: recurrent, or a new transformer layer."""

    layers: PositiveLayers = 2
    """Layers of each task, each with a mixture behind it."""

    own_share: Fraction = 0.9
    """Share of its own layer that a task starts with; the others give the rest in equal parts."""

    mixture: Literal["learned", "fixed"] = "learned"
    """Whether training finds the shares, or as a control they stay as they are at first."""
