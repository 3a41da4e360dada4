"""One stack of shared layers that each task leaves at a layer of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.values import Layers
from dovetail.strategies.layers_config import LayersConfig, nothing_to_copy


class ExitsSharingConfig(LayersConfig):
    """One stack of shared layers that each task leaves at a layer of its own."""

    implementation: ClassVar[str] = "dovetail.strategies.exits.strategy:Exits"
    paper: ClassVar[str] = "after LOMT, arXiv 2406.02984 (2024)"
    no_auxiliary: ClassVar[str] = ""

    kind: Literal["exits"] = "exits"
    """A shared stack that the tasks leave at different layers."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Kind of every layer: recurrent, a new transformer layer, or with `pretrained` a trained copy
    of one of the pretrained encoder's own top layers, in their order.
    Such layers keep their width and dropout, so hidden_dim, dropout and normalise do nothing."""

    shared_layers: Layers = 3
    """Layers of the stack."""

    entity_exit: Layers = 1
    """The layer after which the entity task leaves; 0 reads the encoders directly."""

    relation_exit: Layers = 3
    """The layer after which the relation task leaves; 0 reads the encoders directly."""

    residual: bool = False
    """Whether each layer adds to what it reads, as those of a probe do, over a projection to twice
    hidden_dim; recurrent layers are then normalised (normalise) before and not after."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if not self.shared_layers:
            yield from nothing_to_copy(self.cell)
        if self.residual and self.cell == "pretrained":
            yield Contradiction(
                "residual", "pretrained layers add to what they read anyway; set residual = false"
            )
        for field in ("entity_exit", "relation_exit"):
            if getattr(self, field) > self.shared_layers:
                yield Contradiction(
                    field,
                    f"expected a layer from 0 to {self.shared_layers} (shared_layers), "
                    f"found {getattr(self, field)}; take an earlier exit, or add layers",
                )
        deepest = max(self.entity_exit, self.relation_exit)
        if deepest < self.shared_layers:
            yield Contradiction(
                "shared_layers",
                f"the last task leaves after layer {deepest}, so nothing reads what stands above "
                f"it; set shared_layers = {deepest}, or take a later exit",
            )
