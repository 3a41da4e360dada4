"""From a config to a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dovetail.build.encoders import Words, build_encoder
from dovetail.build.heads import build_entity_head, build_link, build_relation_head
from dovetail.build.sharing import build_copied_layers, build_sharing
from dovetail.config import Config, copies_layers
from dovetail.document import ENTITY_TASK, RELATION_TASK
from dovetail.encoders import ConcatenatedEncoder
from dovetail.model import JointModel
from dovetail.schema import Schema


def build_model(config: Config, schema: Schema, *, words: Words) -> JointModel:
    """A new model with random weights; `words` are the tokens of the training sentences.

    Raises:
        ModelError: if a pretrained encoder cannot be found.
    """
    encoders = [build_encoder(encoder, words) for encoder in config.encoders]
    return assemble(config, schema, ConcatenatedEncoder(encoders))


def restore_model(
    config: Config,
    schema: Schema,
    assets: Iterable[Mapping[str, Any]],
    chosen: Mapping[str, Any],
) -> JointModel:
    """A model like the saved one, ready to take its weights.

    `assets` are those of the encoders, `chosen` those of the finalised sharing block.

    Raises:
        ModelError: if an encoder that it stands on is missing, or is not the same any more.
    """
    return assemble(config, schema, ConcatenatedEncoder.from_assets(assets), chosen)


def assemble(
    config: Config,
    schema: Schema,
    encoder: ConcatenatedEncoder,
    chosen: Mapping[str, Any] | None = None,
) -> JointModel:
    """Put sharing and heads of the widths that fit on an encoder.

    With `chosen`, the sharing has the final form that these assets describe.
    """
    if copies_layers(config.sharing):
        sharing = build_copied_layers(config.sharing, encoder)
    else:
        sharing = build_sharing(config.sharing, input_dim=encoder.output_dim, chosen=chosen)
    entity_head = build_entity_head(
        config.entity_head,
        input_dim=sharing.output_dims[ENTITY_TASK],
        entity_types=schema.entity_types,
    )
    relation_dim = sharing.output_dims[RELATION_TASK]
    link = build_link(
        config.relation_head, token_dim=relation_dim, num_types=len(schema.entity_types)
    )
    return JointModel(
        encoder=encoder,
        sharing=sharing,
        entity_head=entity_head,
        relation_head=build_relation_head(
            config.relation_head,
            input_dim=relation_dim if link.marked is None else link.marked.output_dim,
            num_labels=entity_head.num_labels,
            schema=schema,
        ),
        link=link,
    )
