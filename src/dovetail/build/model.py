"""From a config to a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from torch import Tensor

from dovetail.build.encoders import build_encoder, check_assets
from dovetail.build.heads import build_entity_head, build_linked_relation_head
from dovetail.config import Config
from dovetail.encoders import ConcatenatedEncoder, Words
from dovetail.errors import ModelError
from dovetail.heads import EntityHead
from dovetail.heads.parts import HeadParts
from dovetail.model.joint import JointModel
from dovetail.model.schema_heads import SchemaHeads
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.strategy import Ground, strategy_of
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import ONLY, Schemas, all_tasks, named, tasks_of
from dovetail.text.schema import MAX_TYPES, Schema


def build_model(config: Config, schemas: Schemas, *, words: Words) -> JointModel:
    """A new model with random weights; `words` are the tokens of the training sentences.

    Raises:
        ModelError: if a pretrained encoder cannot be found, or there are too many types.
    """
    for schema in schemas.values():
        refuse_too_many_types(schema)
    encoders = [build_encoder(encoder, words) for encoder in config.encoders]
    encoder = ConcatenatedEncoder(encoders)
    return assemble(config, schemas, encoder, sharing_over(encoder, config, schemas))


def refuse_too_many_types(schema: Schema) -> None:
    """Raise `ModelError` if a corpus has more types than a model can tell apart."""
    for task, types in (("entity", schema.entity_types), ("relation", schema.relation_types)):
        if len(types) > MAX_TYPES:
            raise ModelError(
                f"a model tells at most {MAX_TYPES:,} {task} types apart, and the corpus has "
                f"{len(types):,}, such as {types[0]!r}; do ids stand in the place of types?"
            )


def restore_model(
    config: Config,
    schemas: Schemas,
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
    sharing = sharing_over(encoder, config, schemas, chosen)
    return assemble(config, schemas, encoder, sharing, final=True)


def extended_model(
    config: Config,
    schemas: Schemas,
    base: JointModel,
    *,
    calibration: Iterable[tuple[Tensor, Tensor]],
) -> JointModel:
    """The base with the tasks that the config adds; all that it has is frozen.

    Where a corpus is added, the base's schema stays beside it.  Where only relations are added and
    the entities are not, the entity head is the base's too.

    Args:
        config: says which tasks are added, and has the shape of the base's layers.
        schemas: the types that are learned.
        base: a trained model, whose parts become those of the new one.
        calibration: what the layers read of some sentences, for what starts from responses.
    """
    strategy = strategy_of(config.sharing)
    added = strategy.base(config.sharing)
    if added is None:
        raise ValueError(f"expected a strategy that adds tasks, found {config.sharing.kind}")
    base.requires_grad_(requires_grad=False)
    kept = [] if added.add_corpus is None else [renamed(base.heads[ONLY], added.schema_name)]
    whole = {own.name: own.schema for own in kept} | dict(schemas)
    ground = Ground(
        base.encoder,
        tasks=all_tasks(whole),
        seed=config.seed,
        schemas=whole,
        base=base.sharing,
        calibration=calibration,
    )
    sharing = strategy.build(config.sharing, ground)
    head = None if ENTITY_TASK in added.add_tasks else base.entity_head
    return assemble(config, schemas, base.encoder, sharing, Kept(head, tuple(kept)))


def renamed(heads: SchemaHeads, name: str | None) -> SchemaHeads:
    """The heads of the only schema of a model, which has a name among several.

    Without relation types there is no relation task among several.
    """
    if name is None:
        raise ValueError("expected a name for the schema of the base, which training gives it")
    if not heads.schema.coded.relation_types:
        return replace(heads, name=name, relation_head=None, link=None)
    return replace(heads, name=name)


class Kept(NamedTuple):
    """The parts that a model takes over from another: its entity head, or heads by schema."""

    entity_head: EntityHead | None = None
    schemas: tuple[SchemaHeads, ...] = ()


NOTHING_KEPT = Kept()


def sharing_over(
    encoder: ConcatenatedEncoder,
    config: Config,
    schemas: Schemas,
    chosen: Mapping[str, Any] | None = None,
) -> SharingBlock:
    """The sharing block that a config describes, for the tasks of some schemas over an encoder.

    With `chosen`, it has the final form that these assets describe.
    """
    tasks = all_tasks(schemas)
    ground = Ground(
        encoder,
        tasks=tasks,
        seed=config.seed,
        schemas=schemas,
        awaits_tasks=any(entry.weight for entry in config.auxiliary),
        chosen=chosen,
    )
    return strategy_of(config.sharing).build(config.sharing, ground)


def assemble(
    config: Config,
    schemas: Schemas,
    encoder: ConcatenatedEncoder,
    sharing: SharingBlock,
    kept: Kept = NOTHING_KEPT,
    *,
    final: bool = False,
) -> JointModel:
    """Put heads of the widths that fit on a sharing block; some may be there already.

    They are `final` where they are to take saved weights.
    """
    parts = {
        name: build_heads(config, name, schema, sharing.output_dims, kept.entity_head)
        for name, schema in schemas.items()
    }
    strategy = strategy_of(config.sharing)
    made = (strategy.final_heads if final else strategy.heads)(config.sharing, parts)
    heads = [
        SchemaHeads(name, schemas[name], own.entity_head, own.relation_head, own.link)
        for name, own in made.items()
    ]
    return JointModel(encoder=encoder, sharing=sharing, heads=[*kept.schemas, *heads])


def build_heads(
    config: Config,
    name: str,
    schema: Schema,
    widths: Mapping[str, int],
    entity_head: EntityHead | None = None,
) -> HeadParts:
    """The heads of a schema over streams of these widths; an entity head may be there already."""
    entity_head = entity_head or build_entity_head(
        config.entity_head,
        input_dim=widths[named(name, ENTITY_TASK)],
        entity_types=schema.coded.entity_types,
    )
    relation_task = named(name, RELATION_TASK)
    if relation_task not in tasks_of(name, schema):
        return HeadParts(entity_head)
    relation_head, link = build_linked_relation_head(
        config.relation_head,
        token_dim=widths[relation_task],
        num_labels=entity_head.num_labels,
        schema=schema,
    )
    return HeadParts(entity_head, relation_head, link)
