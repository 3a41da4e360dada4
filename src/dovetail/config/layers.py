"""The fields that the layers of all placements have in common."""

from __future__ import annotations

from collections.abc import Iterator

from dovetail.config.section import Contradiction, Section
from dovetail.config.values import (
    Dropout,
    Width,
)


class LayersConfig(Section):
    """The fields that the placements have in common: most consist of bidirectional layers."""

    hidden_dim: Width = 256
    """Width of the state of each direction; a layer's output is twice as wide, of any
    cell."""

    attention_heads: Width = 4
    """Attention heads of each layer, with `cell = "transformer"`."""

    dropout: Dropout = 0.35
    """Probability with which a number is dropped in training, before each layer; in a transformer
    layer also among its hidden units."""

    normalise: bool = False
    """Whether the output of each layer is normalised to mean 0 and variance 1 for each token."""


def uneven_heads(config: LayersConfig, cell: str) -> Iterator[Contradiction]:
    """Said of attention heads that cannot share the width of a layer."""
    if cell == "transformer" and 2 * config.hidden_dim % config.attention_heads:
        yield Contradiction(
            "attention_heads",
            f"{config.attention_heads} heads cannot share the {2 * config.hidden_dim} numbers of a "
            f"token (twice hidden_dim) evenly; take a divisor",
        )
