"""From a config to a model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from dovetail.build.encoders import Words, build_encoder, check_assets
from dovetail.build.heads import build_entity_head, build_link, build_relation_head
from dovetail.build.incremental import build_incremental
from dovetail.build.sharing import build_copied_layers, build_sharing
from dovetail.config import (
    BankSharingConfig,
    Config,
    DepthSharingConfig,
    ExitsSharingConfig,
    IncrementalSharingConfig,
    copies_layers,
)
from dovetail.encoders import ConcatenatedEncoder
from dovetail.errors import ModelError
from dovetail.heads import EntityHead
from dovetail.model.joint import JointModel
from dovetail.sharing import LayersOverBank, OverPieces, SharingBlock
from dovetail.sharing.bank import Batches
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
    config: Config, schema: Schema, base: JointModel, *, calibration: Batches
) -> JointModel:
    """The base with the tasks that the config adds; all that it has is frozen.

    Only relations are added where the entities are not: then the entity head is the base's too.

    Args:
        config: says which tasks are added, and has the shape of the base's layers.
        schema: the types that are learned.
        base: a trained model, whose parts become those of the new one.
        calibration: what the layers read of some sentences, for what starts from responses.
    """
    settings = config.sharing
    if not isinstance(settings, IncrementalSharingConfig):
        raise ValueError(f"expected a strategy that adds tasks, found {settings.kind}")
    encoder = base.encoder.requires_grad_(requires_grad=False)
    sharing = build_incremental(settings, encoder, base=base.sharing, seed=config.seed)
    layers = sharing.inside if isinstance(sharing, OverPieces) else sharing
    starts = isinstance(settings, BankSharingConfig) and settings.start == "responses"
    if isinstance(layers, LayersOverBank) and starts:
        layers.start(calibration)
    head = None
    if ENTITY_TASK not in settings.add_tasks:
        head = base.entity_head.requires_grad_(requires_grad=False)
    return assemble(config, schema, encoder, sharing, head)


def sharing_over(
    encoder: ConcatenatedEncoder, config: Config, chosen: Mapping[str, Any] | None = None
) -> SharingBlock:
    """The sharing block that a config describes, over an encoder.

    With `chosen`, it has the final form that these assets describe.
    """
    sharing = config.sharing
    if isinstance(sharing, IncrementalSharingConfig):
        return build_incremental(sharing, encoder, chosen=chosen, seed=config.seed)
    if isinstance(sharing, DepthSharingConfig | ExitsSharingConfig) and copies_layers(sharing):
        return build_copied_layers(sharing, encoder)
    return build_sharing(sharing, input_dim=encoder.output_dim, chosen=chosen)


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
            entity_types=schema.entity_types,
        )
    relation_dim = sharing.output_dims[RELATION_TASK]
    link = build_link(
        config.relation_head, token_dim=relation_dim, num_types=len(schema.entity_types)
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
