"""A model as a folder: safetensors, JSON, TOML and a card; nothing in it is ever executed.

model.json            format version, schema, encoders (names, digests, vocabularies), and of the
                      sharing what was chosen in training
config.toml           the complete config it was trained with
weights.safetensors   what training changed, in single precision, and of pretrained layers in half;
                      frozen pretrained encoders are named, not stored
README.md             the model card
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from dovetail.build import restore_model
from dovetail.config import Config, dump_config, load_config
from dovetail.errors import DovetailError, ModelError, OutputError
from dovetail.evaluation import Evaluation
from dovetail.files import whole_folder
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

    What is written is the model's final form, which says the same.

    Raises:
        ModelError: if the folder cannot be written, or holds files that are not a model's.
    """
    model = model.finalize()
    with model_folder_to_write(folder, FILES) as partial:
        save_file(rounded_state(model), partial / WEIGHTS)
        write_json(partial / DESCRIPTION, describe(model))
        (partial / CONFIG).write_text(dump_config(config), encoding="utf-8")
        (partial / CARD).write_text(model_card(model, config, dev), encoding="utf-8")
        # safetensors lets nobody but the owner read; a model is for whoever may read its config.
        shutil.copymode(partial / CONFIG, partial / WEIGHTS)


def rounded_state(model: JointModel) -> dict[str, Tensor]:
    """What the model stores, with the trained layers of a pretrained encoder in half precision.

    They are most of it, and lose less in this way than in the bfloat16 that many of them run in.
    """
    state = {name: tensor.contiguous() for name, tensor in model.stored_state().items()}
    for name in model.pretrained_names:
        state[name] = state[name].half()
    return state


@contextmanager
def model_folder_to_write(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """A folder to write in, which takes the place of `folder` when all is written.

    Raises:
        ModelError: if it cannot be written, or the folder that is there holds other names than
            these, which are those of a model.
    """
    if folder.is_dir() and (others := {path.name for path in folder.iterdir()} - {*names}):
        raise ModelError(
            f"{folder} holds files that are not a model's, and would be replaced: "
            f"{', '.join(sorted(others)[:3])}; name another folder"
        )
    try:
        with whole_folder(folder) as unfinished:
            yield unfinished
    except (OutputError, SafetensorError) as error:
        raise ModelError(f"could not write the model {folder}: {error}") from error


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write the description of a model."""
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def digest_of_model(folder: Path) -> str:
    """SHA-256 over all that decides what a saved model says, in hexadecimal digits.

    Raises:
        ModelError: if a file is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for name in (DESCRIPTION, CONFIG, WEIGHTS):
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"the model {folder} cannot be read: {error}") from error
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def describe(model: JointModel) -> dict[str, Any]:
    """What has to be known beside config and weights to build the model again."""
    return {
        "format": "dovetail-model",
        "version": FORMAT_VERSION,
        "dovetail": __version__,
        "schema": model.schema.to_dict(),
        "encoders": model.encoder.assets(),
        "sharing": model.sharing.assets(),
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
        # Models that were saved before there was a choice say nothing of the sharing.
        chosen = description.get("sharing", {})
        model = restore_model(config, schema, description["encoders"], chosen)
        model.load_stored_state(load_file(folder / WEIGHTS))
    except DovetailError:
        raise
    except _DAMAGED as error:
        raise ModelError(f"the model {folder} is damaged: {error!r}") from error
    return SavedModel(model.eval(), config)
