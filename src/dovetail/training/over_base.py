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
from dovetail.config import Config, SharingConfig
from dovetail.config.in_words import inline_toml
from dovetail.config.section import Section
from dovetail.config.structure import kind_of
from dovetail.errors import ModelError, TrainingError
from dovetail.model.joint import JointModel
from dovetail.saved.finding import MODEL
from dovetail.saved.model_folder import WEIGHTS, config_of_model, load_model
from dovetail.strategies.strategy import Base, strategy_of
from dovetail.tensors.features import Batch
from dovetail.text.document import ENTITY_TASK, Sentence
from dovetail.text.named_schemas import ONLY, SCHEMA_NAME, Schemas, is_only
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
    added = base_of(sharing)
    if added is None:
        return config
    if config.corpora:
        raise TrainingError(
            f"one corpus at a time is added to a base such as {added.named}: name it in [data] in "
            f"place of [[corpora]], and add it by --add-corpus NAME"
        )
    folder = _folder(added)
    digest = pinned_digest(folder, added.named, added.sha256, field=FIELD)
    base = config_of_model(folder)
    known = base.sources[0].known_language
    if config.data.language not in (None, known):
        raise TrainingError(
            f"the base {added.named} reads texts of the language {known}, and "
            f"data.language is {config.data.language}: choose a base of this language"
        )
    if config.data.unit != base.sources[0].unit:
        raise TrainingError(
            f"the base {added.named} reads texts by {base.sources[0].unit}, and data.unit is "
            f"{config.data.unit}: the tasks of one model read the same units"
        )
    shape = {**added.fields(base), "base_sha256": digest}
    if added.add_corpus is not None:
        shape["base_schema"] = added.schema_name or schema_name_of(added)
    data = config.data.model_copy(update={"language": known})
    whole: dict[str, Any] = {"encoders": base.encoders}
    if ENTITY_TASK not in added.add_tasks or added.add_corpus is not None:
        whole["entity_head"] = base.entity_head
    if added.add_corpus is not None:
        whole["relation_head"] = base.relation_head
    _refuse_others(sharing, shape, "sharing.")
    _refuse_others(config, whole, "")
    return config.model_copy(
        update={**whole, "data": data, "sharing": sharing.model_copy(update=shape)}
    )


def base_of(section: SharingConfig) -> Base | None:
    """The base that a section adds tasks to, if it does."""
    return strategy_of(section).base(section)


def _folder(base: Base) -> Path:
    """Where the base is."""
    folder = folder_of(base.named, field=FIELD)
    if not (folder / WEIGHTS).is_file():
        raise TrainingError(
            f"{FIELD}: {base.named} is no single model (it has no {WEIGHTS}); name the "
            f"folder `model` that `dovetail train` left, or a member of an ensemble"
        )
    return folder


def schema_name_of(base: Base) -> str:
    """Return the name of a base's schema beside that of a corpus which is added: as the base.

    Raises:
        TrainingError: if that is no name for it, or the corpus has it.
    """
    folder = Path(base.named)
    name = folder.resolve().parent.name if folder.name == MODEL else folder.name
    if not SCHEMA_NAME.fullmatch(name) or name == base.add_corpus:
        raise TrainingError(
            f"the types of the base {base.named} need a name beside those of {base.add_corpus}: "
            f"letters, digits, - and _, and another than that; name one by sharing.base_schema"
        )
    return name


def _refuse_others(section: Any, of_base: dict[str, Any], prefix: str) -> None:
    """Raise `TrainingError` if a section was given other values than the base has."""
    for name, value in of_base.items():
        found = getattr(section, name)
        if name in section.model_fields_set and found not in (None, value):
            raise TrainingError(
                f"{prefix}{name} is not that of the base, which stays as it is; leave {name} out "
                f"of the config, and it is taken from the base\n"
                f"  expected {_in_words(value)}\n  found {_in_words(found)}"
            )


def _in_words(value: Any) -> str:
    """A value of a config, as TOML has it; of sections what is not the default."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_in_words, value))}]"
    if isinstance(value, Section):
        shown = value.model_dump(mode="json", exclude_defaults=True)
        return inline_toml({"kind": kind_of(type(value)), **shown})
    return inline_toml(value)


def model_over_base(config: Config, schemas: Schemas, sentences: Sequence[Sentence]) -> JointModel:
    """A model of these types over the base of a config that `with_base` completed.

    Raises:
        TrainingError: if the base cannot be loaded, stands on another encoder than it was trained
            with, or knows not all of the entity types although its entities are kept.
    """
    added = base_of(config.sharing)
    if added is None:
        raise ValueError(f"expected a strategy that adds tasks, found {config.sharing.kind}")
    try:
        base = load_model(_folder(added)).model
        if not is_only(base.schemas):
            raise ModelError(
                f"it has the schemas {', '.join(base.schemas)}, and tasks are added to models of "
                f"one; train a base on one corpus"
            )
        if ENTITY_TASK not in added.add_tasks:
            schemas = {ONLY: with_types_of(base, schemas[ONLY], added.named)}
        calibration = read_by_layers(base, sentences[: added.calibration_sentences])
        return extended_model(config, schemas, base, calibration=calibration)
    except ModelError as error:
        raise TrainingError(f"nothing can be added to {added.named}: {error}") from error


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
    apart = base.schema.discontinuous
    if more := sorted(schema.discontinuous - apart):
        raise TrainingError(
            f"the training sentences have {', '.join(more)} of several fragments, which the base "
            f'{name} was not trained to find: set data.discontinuous to "drop" or "cover", add the '
            f"entity task too, or take a base that was"
        )
    return Schema(known, schema.relation_types, schema.signatures, schema.symmetric, apart)


@torch.no_grad()
def read_by_layers(
    model: JointModel, sentences: Sequence[Sentence]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The inputs of the sharing layers for some sentences, tokens or pieces, with masks."""
    for start in range(0, len(sentences), ENCODED_AT_ONCE):
        chosen = sentences[start : start + ENCODED_AT_ONCE]
        batch = Batch.from_sentences(chosen, model.featurise)
        features = model.encoder.with_states(batch.features)
        pieces = model.encoder.piece_states(features)
        if pieces is None:
            yield model.encoder(features), batch.mask
        else:
            yield from zip(pieces.to(torch.float32).groups, pieces.masks, strict=True)
