"""The base of a run that adds tasks: a saved model that is frozen, and stays as it is.

config.sharing -> with_base -> model_over_base -> JointModel
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dovetail.build import extended_model
from dovetail.config import (
    BankSharingConfig,
    Config,
    DepthSharingConfig,
    ExitsSharingConfig,
    IncrementalSharingConfig,
    SharingConfig,
    load_config,
)
from dovetail.errors import ModelError, TrainingError
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import CONFIG, load_model
from dovetail.tensors.features import Batch
from dovetail.text.document import ENTITY_TASK, Sentence
from dovetail.text.schema import Schema
from dovetail.training.batches import ENCODED_AT_ONCE
from dovetail.training.pinned_models import folder_of, pinned_digest

FIELD = "sharing.base"
"""Where the config names the base."""


def with_base(config: Config) -> Config:
    """The config with what it takes from its base, so that it says all of the model that it makes.

    Raises:
        TrainingError: if there is no such base, it is not the one that the config names, nothing
            can be added to it, or the config wants something else than it has.
    """
    sharing = config.sharing
    if not isinstance(sharing, IncrementalSharingConfig):
        return config
    folder = _folder(sharing)
    digest = pinned_digest(folder, str(sharing.base), sharing.base_sha256, field=FIELD)
    base = load_config(folder / CONFIG)
    known = base.data.known_language
    if config.data.language not in (None, known):
        raise TrainingError(
            f"the base {sharing.base} reads texts of the language {known}, and "
            f"data.language is {config.data.language}: choose a base of this language"
        )
    if config.data.unit != base.data.unit:
        raise TrainingError(
            f"the base {sharing.base} reads texts by {base.data.unit}, and data.unit is "
            f"{config.data.unit}: the tasks of one model read the same units"
        )
    shape = {**shape_of(base, sharing), "base_sha256": digest}
    data = config.data.model_copy(update={"language": known})
    whole: dict[str, Any] = {"encoders": base.encoders}
    if ENTITY_TASK not in sharing.add_tasks:
        whole["entity_head"] = base.entity_head
    _refuse_others(sharing, shape, "sharing.")
    _refuse_others(config, whole, "")
    if "dropout" not in sharing.model_fields_set:
        shape["dropout"] = base.sharing.dropout
    return config.model_copy(
        update={**whole, "data": data, "sharing": sharing.model_copy(update=shape)}
    )


def _folder(sharing: IncrementalSharingConfig) -> Path:
    """Where the base is."""
    if sharing.base is None:
        raise ValueError("expected a base, which the config checks")
    folder = folder_of(sharing.base, field=FIELD)
    if not (folder / CONFIG).is_file():
        raise TrainingError(
            f"{FIELD}: {sharing.base} is no single model (it has no {CONFIG}); name the "
            f"folder `model` that `dovetail train` left, or a member of an ensemble"
        )
    return folder


def _plain(own: SharingConfig, base: str | None) -> DepthSharingConfig | ExitsSharingConfig:
    """The base's sharing, of layers that can be run with other weights."""
    if not isinstance(own, DepthSharingConfig | ExitsSharingConfig) or (
        isinstance(own, ExitsSharingConfig) and own.residual
    ):
        raise TrainingError(
            f'the base {base} has kind = "{own.kind}", and tasks are added to layers of kind '
            f'"depth" or "exits" only that are not residual: train such a base'
        )
    return own


def shape_of(base: Config, sharing: IncrementalSharingConfig) -> dict[str, Any]:
    """What the base's layers are, and which task runs how many of them.

    Raises:
        TrainingError: if they are not layers that can be run with other weights, or not trained.
    """
    own = _plain(base.sharing, sharing.base)
    if isinstance(own, ExitsSharingConfig):
        entity, relation = own.entity_exit, own.relation_exit
        shared = min(entity, relation)
    else:
        shared = own.shared_layers
        entity, relation = shared + own.entity_layers, shared + own.relation_layers
    if not base.training.entity_loss_weight:
        raise TrainingError(
            f"the base {sharing.base} was not trained to find entities (entity_loss_weight = 0): "
            f"train a base that was"
        )
    if not base.training.relation_loss_weight:
        if own.cell == "pretrained" and relation > entity:
            raise TrainingError(
                f"the base {sharing.base} was not trained for relations, and copied more layers of "
                f"its encoder for them than the {entity} that it finds entities with: train a base "
                f"without relation layers above these"
            )
        shared = relation = entity
    paths = {"entity": entity, "relation": relation}
    for task in sharing.add_tasks:
        if not paths[task]:
            raise TrainingError(
                f"the base {sharing.base} has no layers for the {task} task to differ from: train "
                f"a base with some"
            )
    return {
        **{
            name: getattr(own, name)
            for name in ("cell", "hidden_dim", "attention_heads", "normalise")
        },
        "shared_layers": shared,
        "entity_layers": entity - shared,
        "relation_layers": relation - shared,
    }


def _refuse_others(section: Any, of_base: dict[str, Any], prefix: str) -> None:
    """Raise `TrainingError` if a section was given other values than the base has."""
    for name, value in of_base.items():
        found = getattr(section, name)
        if name in section.model_fields_set and found not in (None, value):
            raise TrainingError(
                f"{prefix}{name} is not that of the base, which stays as it is; leave {name} out "
                f"of the config, and it is taken from the base\n  expected {value}\n  found {found}"
            )


def model_over_base(config: Config, schema: Schema, sentences: Sequence[Sentence]) -> JointModel:
    """A model of these types over the base of a config that `with_base` completed.

    Raises:
        TrainingError: if the base cannot be loaded, stands on another encoder than it was trained
            with, or knows not all of the entity types although its entities are kept.
    """
    sharing = config.sharing
    if not isinstance(sharing, IncrementalSharingConfig):
        raise ValueError(f"expected a strategy that adds tasks, found {sharing.kind}")
    limit = sharing.calibration_sentences if isinstance(sharing, BankSharingConfig) else 0
    try:
        base = load_model(_folder(sharing)).model
        if ENTITY_TASK not in sharing.add_tasks:
            schema = with_types_of(base, schema, str(sharing.base))
        calibration = read_by_layers(base, sentences[:limit])
        return extended_model(config, schema, base, calibration=calibration)
    except ModelError as error:
        raise TrainingError(f"nothing can be added to {sharing.base}: {error}") from error


def with_types_of(base: JointModel, schema: Schema, name: str) -> Schema:
    """The schema with the entity types of a base that goes on finding the entities.

    Raises:
        TrainingError: if there are others.
    """
    known = base.schema.entity_types
    unknown = sorted({*schema.entity_types} - {*known})
    if unknown:
        raise TrainingError(
            f"the training sentences have entities of the types {', '.join(unknown)}, and the base "
            f"{name} finds {', '.join(known)} only: add the entity task too (--add-task entity "
            f"--add-task relation), or take a base that was trained with these types"
        )
    return Schema(known, schema.relation_types, schema.signatures, schema.symmetric)


@torch.no_grad()
def read_by_layers(
    model: JointModel, sentences: Sequence[Sentence]
) -> Iterator[tuple[Tensor, Tensor]]:
    """What the sharing layers read of some sentences, tokens or pieces, with masks."""
    for start in range(0, len(sentences), ENCODED_AT_ONCE):
        chosen = sentences[start : start + ENCODED_AT_ONCE]
        batch = Batch.from_sentences(chosen, model.featurise)
        features = model.encoder.with_states(batch.features)
        pieces = model.encoder.piece_states(features)
        if pieces is None:
            yield model.encoder(features), batch.mask
        else:
            yield from zip(pieces.to(torch.float32).groups, pieces.masks, strict=True)
