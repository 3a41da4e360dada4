"""The record of `exits`."""

from __future__ import annotations

from dovetail.strategies.block import SharingBlock
from dovetail.strategies.exits.block import (
    SharedLayersWithExits,
    exits_of_copies,
    residual_exits,
)
from dovetail.strategies.exits.config import ExitsSharingConfig
from dovetail.strategies.layer_factory import layer_factory, residual_factory
from dovetail.strategies.strategy import Ground, PlainLayers, SearchSpace, Strategy
from dovetail.text.document import ENTITY_TASK, RELATION_TASK


class Exits(Strategy[ExitsSharingConfig]):
    """A shared stack that tasks leave at layers of their own."""

    def build(self, section: ExitsSharingConfig, ground: Ground) -> SharingBlock:
        exits = ground.for_each(entity=section.entity_exit, relation=section.relation_exit)
        input_dim = ground.encoder.output_dim
        if section.copies_layers:
            layers = ground.encoder.hand_on(max(exits.values()))
            dims = {"input_dim": input_dim, "piece_dim": layers[0].output_dim}
            return exits_of_copies(layers, exits=exits, **dims)
        if not section.residual:
            return SharedLayersWithExits(layer_factory(section), input_dim=input_dim, exits=exits)
        return residual_exits(
            residual_factory(section),
            input_dim=input_dim,
            width=2 * section.hidden_dim,
            exits=exits,
        )

    def search_space(self, section: ExitsSharingConfig) -> SearchSpace:
        # One of the tasks has to leave at the top; the other one's exit is free.
        top = section.shared_layers
        earlier = "entity_exit" if section.relation_exit == top else "relation_exit"
        return {earlier: {"low": 0, "high": top}, **super().search_space(section)}

    def plain_layers(self, section: ExitsSharingConfig) -> PlainLayers | None:
        exits = exits_of(section)
        return None if section.residual else PlainLayers(min(exits.values()), exits)


def exits_of(section: ExitsSharingConfig) -> dict[str, int]:
    """The layer after which each task leaves."""
    return {ENTITY_TASK: section.entity_exit, RELATION_TASK: section.relation_exit}
