"""Differences from the base's layers, where a learned score says that they pay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.values import Count, NonNegative
from dovetail.strategies.added.config import IncrementalSharingConfig


class DeltasSharingConfig(IncrementalSharingConfig):
    """Differences from the base's layers, where a learned score selects them (TAPS, 2022)."""

    implementation: ClassVar[str] = "dovetail.strategies.added.deltas.strategy:Deltas"
    paper: ClassVar[str] = "after TAPS, arXiv 2203.16708 (2022)"

    kind: Literal["deltas"] = "deltas"
    """A frozen base, and differences from some of its layers."""

    threshold: NonNegative = 0.1
    """The score from which a layer's differences are on."""

    initial_score: NonNegative = 0.15
    """Initial value of every score."""

    penalty: NonNegative = 0.3
    """Weight of the scores' mean size in the loss: with more, fewer layers become a task's own."""

    penalty_after_epochs: Count = 2
    """Epochs before the penalty starts, in which differences show whether they are of use."""

    scores: Literal["layers", "matrices"] = "layers"
    """Whether each layer has a score, or each matrix of it with its bias."""

    layers: Literal["learned", "random"] = "learned"
    """Whether scores are learned, or as a control `random_layers` are on, drawn by the seed."""

    random_layers: Count = 1
    """With `layers = "random"`: how many layers, or matrices, of each task are on."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if self.initial_score < self.threshold:
            yield Contradiction(
                "initial_score",
                f"all layers would be off at the start, and without differences no score learns; "
                f"take at least the threshold, {self.threshold}",
            )
