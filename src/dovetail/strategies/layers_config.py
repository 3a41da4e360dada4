"""The common fields of all strategies that are made of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from dovetail.config.section import Contradiction
from dovetail.config.sections.sharing_section import SharingConfig
from dovetail.config.values import Dropout, Width


class LayersConfig(SharingConfig):
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

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Kind of every layer: recurrent, or a new transformer layer."""

    @property
    def copies_layers(self) -> bool:
        return self.cell == "pretrained"

    def sort_of_layers(self) -> Mapping[str, Any] | None:
        names = LayersConfig.model_fields.keys() - SharingConfig.model_fields.keys()
        return {name: getattr(self, name) for name in LayersConfig.model_fields if name in names}

    def contradictions(self) -> Iterator[Contradiction]:
        if self.cell == "transformer" and 2 * self.hidden_dim % self.attention_heads:
            yield Contradiction(
                "attention_heads",
                f"{self.attention_heads} heads cannot share a layer's width of "
                f"{2 * self.hidden_dim} (twice hidden_dim) evenly; take a divisor",
            )


def nothing_to_copy(cell: str) -> Iterator[Contradiction]:
    """Said of a plan without layers."""
    if cell == "pretrained":
        yield Contradiction("cell", 'there is no layer to copy; take one, or set cell = "gru"')
