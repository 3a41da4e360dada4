"""The record of `context`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.context.auxiliary import AuxiliaryLosses, classes_of
from dovetail.strategies.context.block import ContextBlock, Sizes
from dovetail.strategies.context.config import ContextSharingConfig
from dovetail.strategies.context.genotype import (
    CONTEXTS,
    Choices,
    Genotype,
    choices_of,
    declared,
    drawn,
    uniform,
)
from dovetail.strategies.context.layers import LayersWithContext, with_search
from dovetail.strategies.context.search import Search
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.strategies.objective import Objective, Penalties
from dovetail.strategies.strategy import Ground, SearchSpace, Strategy, strategy_of


class RelationalContext(Strategy[ContextSharingConfig]):
    """Shared and own layers, and context that tasks read of each other."""

    def build(self, section: ContextSharingConfig, ground: Ground) -> SharingBlock:
        layers = strategy_of(section.layers).build(section.layers, ground)
        classes = classes_of(ground.schemas)
        sizes = Sizes(section.context_dim, section.window, section.dropout, classes)
        choices = choices_of(classes, across_schemas=section.across_schemas)
        if ground.chosen is None and section.genotype == "search":
            search = Search(
                choices, freeze_lead=section.freeze_lead, entropy_weight=section.entropy_weight
            )
            context = ContextBlock(layers.output_dims, choices, sizes, search)
        else:
            genotype = _genotype(section, choices, ground)
            fixed = {pair: (own,) for pair, own in genotype.items()}
            context = ContextBlock(layers.output_dims, fixed, sizes)
        return LayersWithContext(layers, context)

    def objectives(
        self, section: ContextSharingConfig, *, steps_per_epoch: int
    ) -> tuple[Objective, ...]:
        return (Penalties(), AuxiliaryLosses(section.auxiliary_weight))

    def curriculum(self, section: ContextSharingConfig, joint: Phase) -> Curriculum:
        if section.genotype != "search":
            return (joint,)
        return with_search(joint, section.search_epochs)

    def search_space(self, section: ContextSharingConfig) -> SearchSpace:
        layers = ("shared_layers", "entity_layers", "relation_layers")
        space: dict[str, Any] = {name: {"low": 0, "high": 3} for name in layers}
        space["context_dim"] = {"low": 16, "high": 128, "step": 16}
        if section.genotype not in ("random", "declared"):
            space["genotype"] = ["search", *CONTEXTS]
        return {**space, **super().search_space(section)}

    def card_lines(
        self, section: ContextSharingConfig, block: SharingBlock, *, num_new: int
    ) -> list[str]:
        """What each task reads of each."""
        if not isinstance(block, LayersWithContext):
            raise TypeError(f"expected layers with context, found {type(block).__name__}")
        return [
            f"Context that {target} reads: {_in_words(own)}"
            for target, own in block.assets()["genotype"].items()
        ]


def _genotype(section: ContextSharingConfig, choices: Choices, ground: Ground) -> Genotype:
    """What each pair reads, as saved, as the config says, or drawn by the seed.

    Raises:
        ModelError: if the config declares what cannot be.
    """
    if ground.chosen is not None:
        table = ground.chosen["genotype"]
        return {(target, source): table[target][source] for target, source in choices}
    if section.genotype == "random":
        return drawn(choices, seed=ground.seed)
    if section.genotype == "declared":
        return declared(section.declared, choices)
    if section.genotype == "search":
        raise ValueError("a search has no genotype before it has ended")
    return uniform(section.genotype, choices)


def _in_words(contexts: Mapping[str, str]) -> str:
    """What a task reads of each, such as ``source of entity``; nothing if there is none.

    >>> _in_words({"entity": "source", "relation": "none"})
    'source of entity'
    """
    read = [f"{context} of {source}" for source, context in contexts.items() if context != "none"]
    return ", ".join(read) or "none"
