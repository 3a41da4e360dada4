"""Shared and own layers, and context that each task reads of each other's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dovetail.config.section import Contradiction
from dovetail.config.structure import KIND
from dovetail.config.values import Fraction, Layers, NonNegative, PositiveCount, Text, Width
from dovetail.strategies.depth.config import DepthSharingConfig
from dovetail.strategies.layers_config import LayersConfig, nothing_to_copy

Context = Literal["none", "global", "local", "target", "source"]
"""What a task reads of another one."""


class ContextSharingConfig(LayersConfig):
    """Layers as in depth, then context that each task reads of each other's (after ATRC, 2021)."""

    implementation: ClassVar[str] = "dovetail.strategies.context.strategy:RelationalContext"
    paper: ClassVar[str] = "after ATRC, arXiv 2104.13874 (2021)"

    kind: Literal["context"] = "context"
    """Shared layers, own layers, and above them context for every ordered pair of tasks."""

    cell: Literal["gru", "lstm", "transformer", "pretrained"] = "gru"
    """Kind of every layer: recurrent, a new transformer layer, or with `pretrained` trained copies
    of the pretrained encoder's top layers, as in `depth`."""

    shared_layers: Layers = 1
    """Layers that all tasks read, at the bottom."""

    entity_layers: Layers = 1
    """Layers of the entity task between the shared ones and the context."""

    relation_layers: Layers = 2
    """Layers of the relation task between the shared ones and the context."""

    genotype: Literal[
        "search", "random", "declared", "none", "global", "local", "target", "source"
    ] = "search"
    """Which context a task reads of which: found by a search, after which training starts afresh;
    drawn by the seed, the control experiment; as `declared` says; or the same for all pairs. Of all
    tokens (`global`), of those around (`local`), or of the classes of labels that auxiliary heads
    predict, those of the task that reads (`target`) or of the one that is read (`source`)."""

    declared: Mapping[Text, Mapping[Text, Context]] = Field(default_factory=dict)
    """The context of each pair, by the task that reads and the one that is read, such as
    `{relation = {entity = "source"}}`, with `genotype = "declared"`. What is missing is none. Of
    several corpora, `entity` is the entity task of each, `news/entity` that of one."""

    across_schemas: bool = True
    """Whether tasks read those of other schemas too, in a model of several. Else training computes
    only the tasks of a batch's own schema."""

    context_dim: Width = 64
    """Width of what a task reads of each other one."""

    window: Annotated[int, Field(ge=3, le=127)] = 7
    """Tokens that local context is of, the one in the middle included; an odd number."""

    auxiliary_weight: NonNegative = 1.0
    """Weight of the losses of the auxiliary heads. Their gradients end at the heads; with 0 these
    learn only what helps the tasks that read their labels."""

    search_epochs: PositiveCount = 12
    """Epochs of the search, before those of `training.epochs`."""

    freeze_lead: Fraction = 0.3
    """Lead in probability over the second at which the best context of a pair is chosen for good
    while the search goes on."""

    entropy_weight: NonNegative = 0.06
    """Weight of the entropy of the choices at the end of the search. It rises from minus a third of
    it, so that the first quarter of the search is rewarded for being undecided."""

    @property
    def layers(self) -> DepthSharingConfig:
        """The section of the layers below the context."""
        names = DepthSharingConfig.model_fields.keys() - {KIND}
        return DepthSharingConfig(**{name: getattr(self, name) for name in names})

    @property
    def copies_layers(self) -> bool:
        return self.cell == "pretrained"

    def contradictions(self) -> Iterator[Contradiction]:
        yield from super().contradictions()
        if not (self.shared_layers or self.entity_layers or self.relation_layers):
            yield from nothing_to_copy(self.cell)
        if self.window % 2 == 0:
            yield Contradiction(
                "window",
                f"{self.window} tokens have none in the middle; take {self.window - 1} or "
                f"{self.window + 1}",
            )
        if self.genotype == "declared" and not self.declared:
            yield Contradiction(
                "declared",
                'genotype = "declared" needs a table of pairs, and it is empty; say for example '
                '{relation = {entity = "source"}}, or set genotype = "none"',
            )
        if self.declared and self.genotype != "declared":
            yield Contradiction(
                "declared",
                f'it is read with genotype = "declared" only, and genotype is '
                f'"{self.genotype}"; leave one of them out',
            )
