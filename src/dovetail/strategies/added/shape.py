"""The fields that a section takes from the config of its base: the shape of the layers."""

from __future__ import annotations

from typing import Any

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.strategies.added.config import IncrementalSharingConfig
from dovetail.strategies.strategy import PlainLayers, strategy_of
from dovetail.text.document import ENTITY_TASK, RELATION_TASK


def shape_of(base: Config, section: IncrementalSharingConfig) -> dict[str, Any]:
    """The kind of the base's layers, and how many of them each task runs.

    Raises:
        TrainingError: if they are not layers that can be run with other weights, or not trained.
    """
    own, plain = base.sharing, _plain(base, section.base)
    entity, relation, shared = (
        plain.by_task[ENTITY_TASK],
        plain.by_task[RELATION_TASK],
        plain.shared,
    )
    if not base.training.entity_loss_weight:
        raise TrainingError(
            f"the base {section.base} was not trained to find entities (entity_loss_weight = 0): "
            f"train a base that was"
        )
    if not base.training.relation_loss_weight:
        if own.copies_layers and relation > entity:
            raise TrainingError(
                f"the base {section.base} was not trained for relations, and copied more layers of "
                f"its encoder for them than the {entity} that it finds entities with: train a base "
                f"without relation layers above these"
            )
        shared = relation = entity
    paths = {ENTITY_TASK: entity, RELATION_TASK: relation}
    for task in section.add_tasks:
        if not paths[task]:
            raise TrainingError(
                f"the base {section.base} has no layers for the {task} task to differ from: train "
                f"a base with some"
            )
    sort = dict(own.sort_of_layers() or {})
    if "dropout" in section.model_fields_set:
        del sort["dropout"]
    return {
        **sort,
        "shared_layers": shared,
        "entity_layers": entity - shared,
        "relation_layers": relation - shared,
    }


def _plain(base: Config, named: str | None) -> PlainLayers:
    """The base's layers, which can be run with other weights."""
    plain = strategy_of(base.sharing).plain_layers(base.sharing)
    if plain is None:
        raise TrainingError(
            f'the base {named} has kind = "{base.sharing.kind}", and tasks are added to layers of '
            f'kind "depth" or "exits" only that are not residual: train such a base'
        )
    return plain
