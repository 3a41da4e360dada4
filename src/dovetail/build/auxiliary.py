"""Auxiliary tasks put beside those of a new model: streams and heads of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from dovetail.build.heads import build_entity_head, build_linked_relation_head
from dovetail.config import Config
from dovetail.encoders import ConcatenatedEncoder
from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.model.auxiliary_heads import AuxiliaryHead, BoundaryHead, PairHead
from dovetail.model.joint import JointModel
from dovetail.model.schema_heads import SchemaHeads
from dovetail.strategies.added.block import path_of
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.copies import OverPieces
from dovetail.strategies.strategy import Ground, strategy_of
from dovetail.tensors.state import copy_exactly
from dovetail.text.auxiliary_tasks import AuxiliaryTask
from dovetail.text.document import ENTITY_TASK

_DRAWN_APART = 2_000_003
"""Chance of its own, apart from what the seed itself decides."""


def with_auxiliary(model: JointModel, config: Config, tasks: Sequence[AuxiliaryTask]) -> JointModel:
    """A new model with more tasks, which its `finalize` takes away again.

    All that the model had keeps its weights, and nothing that is drawn afterwards changes: the same
    seed starts from the same model with auxiliary tasks and without.

    Args:
        model: as it was built, not trained.
        config: that it was built from.
        tasks: to put beside its own.
    """
    if not tasks:
        return model
    names = [task.name for task in tasks]
    encoder = Lending(model.encoder, model.sharing)
    ground = Ground(
        encoder,
        tasks=(*model.sharing.tasks, *names),
        seed=config.seed,
        schemas=model.schemas,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(config.seed * _DRAWN_APART + 1)
        sharing = strategy_of(config.sharing).build(config.sharing, ground)
        own = model.sharing.state_dict()
        copy_exactly(sharing.without(names).state_dict(), own, owner="the layers of the main tasks")
        heads = [
            replace(
                of_schema,
                auxiliary=tuple(
                    build_auxiliary_head(config, task, of_schema, sharing.output_dims[task.name])
                    for task in tasks
                    if task.schema_name == of_schema.name
                ),
            )
            for of_schema in model.heads.values()
        ]
    return JointModel(encoder=model.encoder, sharing=sharing, heads=heads)


@dataclass(frozen=True)
class Lending:
    """The encoder of a model, which lends the layers that it parted with to one block more."""

    encoder: ConcatenatedEncoder
    sharing: SharingBlock

    @property
    def output_dim(self) -> int:
        """Width of the vector of a token."""
        return self.encoder.output_dim

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        """The copies in the block that is there already, which are not trained yet.

        Raises:
            ValueError: if it has not so many.
        """
        inside = self.sharing.inside if isinstance(self.sharing, OverPieces) else self.sharing
        paths = [path_of(inside, task) for task in inside.tasks]
        layers = [own for own in max(paths, key=len) if isinstance(own, PretrainedLayer)]
        if len(layers) < count:
            raise ValueError(f"expected {count} copied layers, found {len(layers)}")
        return layers[:count]


def build_auxiliary_head(
    config: Config, task: AuxiliaryTask, main: SchemaHeads, width: int
) -> AuxiliaryHead:
    """The head of a task over a stream of this width, of the kind that its main task has."""
    schema = main.schema
    labels = task.labels(schema)
    if task.kind == ENTITY_TASK:
        types = labels.coded.entity_types
        head = build_entity_head(config.entity_head, input_dim=width, entity_types=types)
        return BoundaryHead(task, schema, head)
    relation_head, link = build_linked_relation_head(
        config.relation_head,
        token_dim=width,
        num_labels=main.entity_head.num_labels,
        schema=labels,
    )
    return PairHead(task, schema, relation_head, link)
