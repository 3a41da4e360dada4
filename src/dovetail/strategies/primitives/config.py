"""Fixed operations, recombined by shared and by own weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dovetail.config.section import Contradiction
from dovetail.config.sections.sharing_section import SharingConfig
from dovetail.config.values import (
    Dropout,
    Fraction,
    NonNegative,
    OptionalWidth,
    PositiveLayers,
    Width,
)

Primitive = Literal[
    "identity",
    "previous",
    "next",
    "previous_2",
    "next_2",
    "mean_3",
    "mean_5",
    "max_3",
    "max_5",
    "sentence_mean",
    "reservoir",
    "noise",
]
"""An operation that is not trained."""


class PrimitivesSharingConfig(SharingConfig):
    """Fixed operations, recombined by shared and by own weights (after ETR-NLP, 2023)."""

    implementation: ClassVar[str] = "dovetail.strategies.primitives.strategy:RoutedPrimitives"
    paper: ClassVar[str] = "after ETR-NLP, arXiv 2308.02066 (2023)"
    no_auxiliary: ClassVar[str] = ""

    kind: Literal["primitives"] = "primitives"
    """Operations that nobody trains, and learned layers that choose among them."""

    primitives: Annotated[tuple[Primitive, ...], Field(min_length=1)] = (
        "identity",
        "previous",
        "next",
        "reservoir",
    )
    """Operations on the tokens: the token itself, the one before or behind (or the second), means
    or maxima of the 3 or 5 around, the mean of the sentence, a random recurrent network, or the
    token with noise in training."""

    blocks: PositiveLayers = 2
    """Blocks of primitives and learned layers, one after the other."""

    projection_dim: OptionalWidth = 256
    """Width to which one shared projection brings the encoders' vectors first; 0 for none.  Every
    primitive but the reservoir has the width of what it reads."""

    hidden_dim: Width = 192
    """Half of the width of a block's output, as in a bidirectional layer."""

    shared_fraction: Fraction = 0.5
    """Share of a block's outputs that come from shared weights, the others from the task's own."""

    dropout: Dropout = 0.35
    """Probability with which a number of a primitive is dropped in training."""

    reservoir_dim: Width = 192
    """Units of the random network in each direction."""

    spectral_radius: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """How slowly the random network forgets: by this factor a token."""

    noise: NonNegative = 0.1
    """Standard deviation of the noise."""

    trainable_primitives: bool = False
    """Whether the reservoir is trained after all: the control experiment."""

    def contradictions(self) -> Iterator[Contradiction]:
        twice = {name for name in self.primitives if self.primitives.count(name) > 1}
        if twice:
            yield Contradiction(
                "primitives", f"{', '.join(sorted(twice))} is there twice; name each once"
            )
        if self.trainable_primitives and "reservoir" not in self.primitives:
            yield Contradiction(
                "trainable_primitives",
                "of the primitives only the reservoir has weights, and it is not there; add "
                '"reservoir" to primitives, or set trainable_primitives = false',
            )
