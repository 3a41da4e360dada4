"""Relations that depend on entities: experts for each token, and a chain of probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from dovetail.config.section import Contradiction
from dovetail.config.values import Count, Layers, PositiveLayers, Width
from dovetail.strategies.layers_config import LayersConfig


class SequentialSharingConfig(LayersConfig):
    """Experts weighed for each token; relations as the step after entities (after TAFE, 2023)."""

    implementation: ClassVar[str] = "dovetail.strategies.sequential.strategy:Sequential"
    paper: ClassVar[str] = "after TAFE, arXiv 2301.02494 (2023)"

    kind: Literal["sequential"] = "sequential"
    """Relations are the step after entities."""

    cell: Literal["gru", "lstm", "transformer"] = "gru"
    """Kind of every layer: recurrent, or a new transformer layer."""

    shared_layers: Layers = 1
    """Layers below the experts, with the same parameters for both tasks."""

    expert_layers: PositiveLayers = 1
    """Levels of experts, one upon the other."""

    experts: PositiveLayers = 3
    """Layers side by side at each level, which every task weighs for each token. A single one is a
    shared layer."""

    indicator_dim: Width = 16
    """Size of the vector that tells a task's gates and selector which task it is."""

    selector: bool = True
    """Whether each task lets through a part of what its experts give, number by number."""

    entity_layers: Layers = 0
    """Layers of the entity task above the experts."""

    relation_layers: Layers = 0
    """Layers of the relation task above the experts."""

    transfer: bool = True
    """Whether the relation task reads what the entity task reads, through a gate; never the other
    way."""

    detach_transfer: bool = False
    """Whether the relation loss is kept from going back through the transfer."""

    chain: Literal["entire", "conditional"] = "entire"
    """Loss of relations: over all candidates, where the probability of a relation is the product of
    those of its two entities and its own; or given the entities, as the relation head says, which
    is the control."""

    steps: Literal[2, 3] = 2
    """Steps from a sentence to a relation: entities, then relations; or entities, whether two are
    related, then the type."""

    entity_probability: Literal["typed", "any"] = "typed"
    """Which probability of an entity counts: that of its borders and type, or of its borders."""

    detach_entities: bool = False
    """Whether the relation loss is kept from changing the probabilities of entities."""

    non_entities: Count = 8
    """Spans of a sentence, at most, that are drawn in training as candidates that are none, beside
    the gold ones and those that the entity head predicts: the more often, the more probable they
    are as entities."""

    warmup_epochs: Count = 8
    """Epochs in which relations are learned of the gold entities, before those of
    `training.epochs`, over the chain. With `chain = "conditional"` there are none."""

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if self.detach_transfer and not self.transfer:
            yield Contradiction(
                "detach_transfer",
                "there is no transfer to keep the relation loss from; set transfer = true, or "
                "leave it out",
            )
        if self.chain == "conditional":
            chosen = {
                "detach_entities": self.detach_entities,
                "entity_probability": self.entity_probability == "any",
            }
            for field in (name for name, given in chosen.items() if given):
                yield Contradiction(
                    field,
                    'with chain = "conditional" no probability of an entity counts; set '
                    'chain = "entire", or leave it out',
                )
