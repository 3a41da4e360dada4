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
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from dovetail.build import restore_model
from dovetail.config import Config, dump_config, load_config
from dovetail.errors import DovetailError, ModelError, OutputError
from dovetail.evaluation import Evaluation
from dovetail.files.bounded import check_regular, read_json
from dovetail.files.writing import whole_folder
from dovetail.model.joint import JointModel
from dovetail.saved.model_card import model_card
from dovetail.saved.weights_file import THRESHOLDS, check_types, read_weights
from dovetail.showing.visible import shown
from dovetail.tensors.allocation import AllocationLimit, TooLargeError
from dovetail.tensors.header import StoredTensor, read_header
from dovetail.text.schema import Schema
from dovetail.version import __version__

FORMAT_VERSION = 1

MAX_DESCRIPTION_BYTES = 1 << 26
"""Of a description, of which static word vectors of millions of words are most."""

# What reading values of any type and size can raise; torch's own is a RuntimeError.
_DAMAGED = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
    SafetensorError,
)

_READ_BYTES = 1 << 20

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
        (partial / CARD).write_text(shown(model_card(model, config, dev)), encoding="utf-8")
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
            check_regular(folder / name)
            with (folder / name).open("rb") as file:
                digest.update(f"{name} {os.fstat(file.fileno()).st_size}\n".encode())
                while block := file.read(_READ_BYTES):
                    digest.update(block)
        except OSError as error:
            raise ModelError(f"the model {folder} cannot be read: {error.strerror}") from error
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
        ModelError: if a file is missing, damaged or too large, the format is newer than this
            program, the weights are not those of the model that is described, or the frozen
            encoder that it stands on is not there or not the same.
    """
    for name in (DESCRIPTION, CONFIG, WEIGHTS):
        if not (folder / name).exists():
            raise ModelError(f"{folder} is not a saved model: it has no {name}")
    description = read_description(folder)
    check_version(folder, description, FORMAT_VERSION, kind="model")
    config = load_config(folder / CONFIG)
    try:
        header = read_header(folder / WEIGHTS)
        model = _described_model(folder, description, config, header)
        check_types(header, model.stored_state(), folder / WEIGHTS)
        model.load_stored_state(read_weights(folder / WEIGHTS))
    except DovetailError:
        raise
    except _DAMAGED as error:
        what = error if type(error) is ValueError else repr(error)  # most of those are sentences
        raise ModelError(f"the model {folder} is damaged: {what}") from error
    return SavedModel(model.eval(), config)


def _described_model(
    folder: Path,
    description: Mapping[str, Any],
    config: Config,
    header: Mapping[str, StoredTensor],
) -> JointModel:
    """The model without its weights, no larger than these are."""
    schema = Schema.from_dict(description["schema"])
    # Models that were saved before there was a choice say nothing of the sharing.
    chosen = description.get("sharing", {})
    _check_number_of_types(schema, header, folder / WEIGHTS)
    try:
        with AllocationLimit.for_shapes(stored.shape for stored in header.values()):
            model = restore_model(config, schema, description["encoders"], chosen)
    except TooLargeError as error:
        raise ModelError(
            f"the model {folder} is damaged: {CONFIG} and {DESCRIPTION} ask for {error}, far more "
            f"than {WEIGHTS} holds"
        ) from error
    return model


def _check_number_of_types(schema: Schema, header: Mapping[str, StoredTensor], path: Path) -> None:
    """Refuse a schema that the weights are not of, before tables of all its types are made."""
    thresholds = header.get(THRESHOLDS)
    if thresholds is not None and thresholds.shape != (len(schema.relation_types),):
        raise ModelError(
            f"{path}: expected {THRESHOLDS} of shape ({len(schema.relation_types)},), found "
            f"{thresholds.shape}: a threshold for each relation type of {DESCRIPTION}"
        )
    longest = max((length for stored in header.values() for length in stored.shape), default=0)
    if longest < len(schema.entity_types):  # each has a row in the last layer of a head
        raise ModelError(
            f"{path}: these are not the weights of {len(schema.entity_types):,} entity types, as "
            f"many as {DESCRIPTION} lists; get the model anew"
        )


def read_description(folder: Path) -> dict[str, Any]:
    """The values of the file that describes a model or an ensemble.

    Raises:
        ModelError: if it is no file of bounded size, or holds no JSON object.
    """
    path = folder / DESCRIPTION
    try:
        description = read_json(path, at_most=MAX_DESCRIPTION_BYTES)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"the model {folder} is damaged: {DESCRIPTION}: {error}") from error
    if not isinstance(description, dict):
        raise ModelError(f"the model {folder} is damaged: {DESCRIPTION} holds no JSON object")
    return description


def check_version(
    folder: Path, description: Mapping[str, Any], expected: int, *, kind: str
) -> None:
    """Refuse what another version of this program wrote.

    Raises:
        ModelError: naming that version.
    """
    found = description.get("version")
    if type(found) is not int:  # true and 1.0 are equal to 1
        raise ModelError(
            f"the {kind} {folder} is damaged: {DESCRIPTION}: expected the version of its format as "
            f"a whole number, found {json.dumps(found)}"
        )
    if found != expected:
        raise ModelError(
            f"{folder} is {'an' if kind[0] in 'aeiou' else 'a'} {kind} of format version {found}, "
            f"this program reads {expected}: install the version of Dovetail that wrote it "
            f"({description.get('dovetail', 'unknown')})"
        )
