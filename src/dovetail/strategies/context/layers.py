"""The layers of `depth` with context above them, and the phases of the search for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch.optim import Optimizer

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.context.block import ContextBlock
from dovetail.strategies.context.genotype import as_table
from dovetail.strategies.context.search import Search
from dovetail.strategies.curriculum import Curriculum, Model, Phase
from dovetail.strategies.stacks import Stack

SEARCH = "sharing.blocks.1.search."
"""The start of the names, in a model, of what a search learns beside weights."""


class LayersWithContext(Stack):
    """Layers, and above them context between the tasks."""

    def __init__(self, layers: SharingBlock, context: ContextBlock) -> None:
        super().__init__([layers, context])

    @property
    def context(self) -> ContextBlock:
        """The part that the tasks read each other by."""
        _, context = self.parts
        if not isinstance(context, ContextBlock):
            raise TypeError(f"expected context on top, found {type(context).__name__}")
        return context

    def finalize(self) -> LayersWithContext:
        """The layers in their final form, and the context that each pair reads."""
        layers, _ = self.parts
        return LayersWithContext(layers.finalize(), self.context.finalize())

    def assets(self) -> dict[str, Any]:
        """The context of each pair: by the task that reads, and the one that is read."""
        return {"genotype": as_table(self.context.genotype())}


def with_search(joint: Phase, epochs: int) -> Curriculum:
    """A search, and then the joint phase, afresh, with the contexts that were found."""
    search = replace(
        joint,
        name="search",
        epochs=epochs,
        before_step=_begin_step,
        after_step=_freeze_leaders,
    )
    return search, replace(joint, trains=_is_weight, afresh=True, begin=_end_search)


def _is_weight(parameter: str) -> bool:
    return not parameter.startswith(SEARCH)


def _begin_step(model: Model, done: float) -> None:
    search_of(model).begin_step(done)


def _freeze_leaders(model: Model, optimiser: Optimizer) -> None:
    search_of(model).freeze_leaders()


def _end_search(model: Model) -> None:
    search_of(model).freeze_all()


def search_of(model: Model) -> Search:
    """The search of a model.

    Raises:
        TypeError: if there is none: it shares in another way, or what it reads is fixed.
    """
    sharing = model.sharing
    search = sharing.context.search if isinstance(sharing, LayersWithContext) else None
    if search is None:
        raise TypeError(f"expected a search for context, found {type(sharing).__name__}")
    return search
