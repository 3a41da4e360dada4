"""From a config to a model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from dovetail.build.encoders import build_encoder, check_assets
from dovetail.build.heads import build_entity_head, build_link, build_relation_head
from dovetail.config import Config
from dovetail.encoders import ConcatenatedEncoder, Words
from dovetail.errors import ModelError
from dovetail.heads import EntityHead
from dovetail.model.joint import JointModel
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.strategy import Ground, strategy_of
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.schema import MAX_TYPES, Schema


def build_model(config: Config, schema: Schema, *, words: Words) -> JointModel:
    """A new model with random weights; `words` are the tokens of the training sentences.

    Raises:
        ModelError: if a pretrained encoder cannot be found, or there are too many types.
    """
    for task, types in (("entity", schema.entity_types), ("relation", schema.relation_types)):
        if len(types) > MAX_TYPES:
            raise ModelError(
                f"a model tells at most {MAX_TYPES:,} {task} types apart, and the corpus has "
                f"{len(types):,}, such as {types[0]!r}; do ids stand in the place of types?"
            )
    encoders = [build_encoder(encoder, words) for encoder in config.encoders]
    encoder = ConcatenatedEncoder(encoders)
    return assemble(config, schema, encoder, sharing_over(encoder, config))


def restore_model(
    config: Config,
    schema: Schema,
    assets: Sequence[Mapping[str, Any]],
    chosen: Mapping[str, Any] | None = None,
) -> JointModel:
    """A model like the saved one, ready to take its weights.

    `assets` are those of the encoders, `chosen` those of the finalised sharing block.

    Raises:
        ModelError: if an encoder that it stands on is missing, or is not the same any more.
        ValueError: if the assets are not those of the config's encoders.
    """
    check_assets(config.encoders, assets)
    encoder = ConcatenatedEncoder.from_assets(assets)
    return assemble(config, schema, encoder, sharing_over(encoder, config, chosen))


def extended_model(
    config: Config,
    schema: Schema,
    base: JointModel,
    *,
    calibration: Iterable[tuple[Tensor, Tensor]],
) -> JointModel:
    """The base with the tasks that the config adds; all that it has is frozen.

    Only relations are added where the entities are not: then the entity head is the base's too.

    Args:
        config: says which tasks are added, and has the shape of the base's layers.
        schema: the types that are learned.
        base: a trained model, whose parts become those of the new one.
        calibration: what the layers read of some sentences, for what starts from responses.
    """
    strategy = strategy_of(config.sharing)
    added = strategy.base(config.sharing)
    if added is None:
        raise ValueError(f"expected a strategy that adds tasks, found {config.sharing.kind}")
    encoder = base.encoder.requires_grad_(requires_grad=False)
    ground = Ground(encoder, seed=config.seed, base=base.sharing, calibration=calibration)
    sharing = strategy.build(config.sharing, ground)
    head = None
    if ENTITY_TASK not in added.add_tasks:
        head = base.entity_head.requires_grad_(requires_grad=False)
    return assemble(config, schema, encoder, sharing, head)


def sharing_over(
    encoder: ConcatenatedEncoder, config: Config, chosen: Mapping[str, Any] | None = None
) -> SharingBlock:
    """The sharing block that a config describes, over an encoder.

    With `chosen`, it has the final form that these assets describe.
    """
    ground = Ground(encoder, seed=config.seed, chosen=chosen)
    return strategy_of(config.sharing).build(config.sharing, ground)


def assemble(
    config: Config,
    schema: Schema,
    encoder: ConcatenatedEncoder,
    sharing: SharingBlock,
    entity_head: EntityHead | None = None,
) -> JointModel:
    """Put heads of the widths that fit on a sharing block; an entity head may be there already."""
    if entity_head is None:
        entity_head = build_entity_head(
            config.entity_head,
            input_dim=sharing.output_dims[ENTITY_TASK],
            entity_types=schema.coded.entity_types,
        )
    relation_dim = sharing.output_dims[RELATION_TASK]
    link = build_link(
        config.relation_head, token_dim=relation_dim, num_types=len(schema.coded.entity_types)
    )
    with warnings.catch_warnings():
        # A corpus without relations leaves nothing to be drawn for their types.
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        relation_head = build_relation_head(
            config.relation_head,
            input_dim=relation_dim if link.marked is None else link.marked.output_dim,
            num_labels=entity_head.num_labels,
            schema=schema,
        )
    return JointModel(
        encoder=encoder,
        sharing=sharing,
        entity_head=entity_head,
        relation_head=relation_head,
        link=link,
    )
