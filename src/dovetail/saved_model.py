"""A model as a folder: safetensors, JSON, TOML and a card; nothing in it is ever executed.

model.json            format version, schema, encoders (names, digests, vocabularies), thresholds
config.toml           the complete config it was trained with
weights.safetensors   what training changed; frozen pretrained encoders are named, not stored
README.md             the model card
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dovetail.build import restore_model
from dovetail.config import Config, dump_config, load_config
from dovetail.errors import DovetailError, ModelError
from dovetail.evaluation import Evaluation
from dovetail.model import JointModel
from dovetail.model_card import model_card
from dovetail.schema import Schema
from dovetail.version import __version__

FORMAT_VERSION = 1

# What reading values of any type and size can raise; torch's own is a RuntimeError.
_DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)

DESCRIPTION, CONFIG, WEIGHTS, CARD = "model.json", "config.toml", "weights.safetensors", "README.md"
FILES = {DESCRIPTION, CONFIG, WEIGHTS, CARD}


@dataclass(frozen=True)
class SavedModel:
    """A model with the config that it was trained with."""

    model: JointModel
    config: Config


def save_model(
    folder: Path, model: JointModel, config: Config, *, dev: Evaluation | None = None
) -> None:
    """Write a model folder; one that is there is replaced only when the new one is whole.

    Raises:
        ModelError: if the folder cannot be written, or holds files that are not a model's.
    """
    if folder.is_dir() and (others := {path.name for path in folder.iterdir()} - FILES):
        raise ModelError(
            f"{folder} holds files that are not a model's, and would be replaced: "
            f"{', '.join(sorted(others)[:3])}; name another folder"
        )
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(
            {name: tensor.contiguous() for name, tensor in model.stored_state().items()},
            partial / WEIGHTS,
        )
        description = json.dumps(describe(model), ensure_ascii=False, indent=1)
        (partial / DESCRIPTION).write_text(description + "\n", encoding="utf-8")
        (partial / CONFIG).write_text(dump_config(config), encoding="utf-8")
        (partial / CARD).write_text(model_card(model, config, dev), encoding="utf-8")
        # safetensors lets nobody but the owner read; a model is for whoever may read its config.
        shutil.copymode(partial / CONFIG, partial / WEIGHTS)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise ModelError(f"could not write the model {folder}: {error}") from error


def describe(model: JointModel) -> dict[str, Any]:
    """What has to be known beside config and weights to build the model again."""
    return {
        "format": "dovetail-model",
        "version": FORMAT_VERSION,
        "dovetail": __version__,
        "schema": model.schema.to_dict(),
        "encoders": model.encoder.assets(),
    }


def load_model(folder: Path) -> SavedModel:
    """Read a model folder.

    Raises:
        ModelError: if a file is missing or damaged, the format is newer than this program, or the
            frozen encoder that the model stands on is not there or not the same.
    """
    for name in (DESCRIPTION, CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelError(f"{folder} is not a saved model: it has no {name}")
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        found = description["version"]
        if found != FORMAT_VERSION:
            raise ModelError(
                f"{folder} is a model of format version {found}, this program reads "
                f"{FORMAT_VERSION}: install the version of Dovetail that wrote it "
                f"({description.get('dovetail', 'unknown')})"
            )
        config = load_config(folder / CONFIG)
        schema = Schema.from_dict(description["schema"])
        model = restore_model(config, schema, description["encoders"])
        model.load_stored_state(load_file(folder / WEIGHTS))
    except DovetailError:
        raise
    except _DAMAGED as error:
        raise ModelError(f"the model {folder} is damaged: {error!r}") from error
    return SavedModel(model.eval(), config)
