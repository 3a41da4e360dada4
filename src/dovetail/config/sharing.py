"""How much the two tasks share: which layers both read, and which belong to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from dovetail.config.incremental import BankSharingConfig, DeltasSharingConfig
from dovetail.config.layers import LayersConfig, uneven_heads
from dovetail.config.section import Contradiction
from dovetail.config.values import Count


class DepthSharingConfig(LayersConfig):
    """Shared layers first, then layers of each task's own (Crone, 2020)."""

    kind: Literal["depth"] = "depth"
    """Shared layers below, own layers above."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """What every layer is: recurrent, a new transformer layer, or with `pretrained` a trained copy
    of one of the pretrained encoder's own top layers, in their order.
    Such layers keep their width and dropout, so hidden_dim, dropout and normalise do nothing."""

    shared_layers: Count = 1
    """Layers that both tasks read."""

    entity_layers: Count = 1
    """Layers of the entity task above the shared ones; with 0 it reads these directly."""

    relation_layers: Count = 2
    """Layers of the relation task above the shared ones; with 0 it reads these directly."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from uneven_heads(self, self.cell)
        if not (self.shared_layers or self.entity_layers or self.relation_layers):
            yield from _nothing_to_copy(self.cell)


class BottomSharingConfig(LayersConfig):
    """Layers of each task's own first, then shared layers."""

    kind: Literal["bottom"] = "bottom"
    """Own layers below, shared layers above."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """What every layer is: recurrent, or a new transformer layer."""

    entity_layers: Count = 1
    """Layers of the entity task below the shared ones."""

    relation_layers: Count = 1
    """Layers of the relation task below the shared ones."""

    shared_layers: Count = 1
    """Layers above, with the same parameters for both tasks."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from uneven_heads(self, self.cell)


class ExitsSharingConfig(LayersConfig):
    """One stack of shared layers that each task leaves at a layer of its own."""

    kind: Literal["exits"] = "exits"
    """A shared stack that the tasks leave at different layers."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """What every layer is: recurrent, a new transformer layer, or with `pretrained` a trained copy
    of one of the pretrained encoder's own top layers, in their order.
    Such layers keep their width and dropout, so hidden_dim, dropout and normalise do nothing."""

    shared_layers: Count = 3
    """Layers of the stack."""

    entity_exit: Count = 1
    """The layer after which the entity task leaves; 0 reads the encoders directly."""

    relation_exit: Count = 3
    """The layer after which the relation task leaves; 0 reads the encoders directly."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from uneven_heads(self, self.cell)
        if not self.shared_layers:
            yield from _nothing_to_copy(self.cell)
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


def _nothing_to_copy(cell: str) -> Iterator[Contradiction]:
    """Said of a plan without layers."""
    if cell == "pretrained":
        yield Contradiction("cell", 'there is no layer to copy; take one, or set cell = "gru"')


SharingConfig = Annotated[
    DepthSharingConfig
    | BottomSharingConfig
    | ExitsSharingConfig
    | DeltasSharingConfig
    | BankSharingConfig,
    Field(discriminator="kind"),
]
"""Any of the strategies; `kind` says which."""
