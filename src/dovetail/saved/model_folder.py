"""A model as a folder: safetensors, JSON, TOML and a card; nothing in it is ever executed.

model.json            format version, schema, encoders (names, digests, names of vocabularies), of
                      the sharing what was chosen in training, and what becomes of confidences
network.toml          the sections of the config that rebuild the network
words-1.txt …         the vocabularies, a word a line
config.toml           the complete config it was trained with, for information
weights.safetensors   what training changed, in single precision, and of pretrained layers in half;
                      frozen pretrained encoders are named, not stored
README.md             the model card

Models of format version 1, of Dovetail 0.1, have their vocabularies in model.json, and no
network.toml: config.toml rebuilds them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from dovetail.build import restore_model
from dovetail.config import Config, dump_config, dump_network, load_config, load_saved
from dovetail.errors import DovetailError, ModelError, OutputError
from dovetail.evaluation import Evaluation
from dovetail.files.bounded import check_regular
from dovetail.files.writing import whole_folder
from dovetail.model.joint import JointModel, stored_prefix
from dovetail.saved.described_confidence import described_confidence, set_confidence
from dovetail.saved.described_schemas import described_schemas, is_plain, schemas_of
from dovetail.saved.description import DESCRIPTION, check_version, read_description, write_json
from dovetail.saved.model_card import model_card
from dovetail.saved.weights_file import THRESHOLDS, check_types, read_weights
from dovetail.saved.word_files import FILE_NAME, read_back, written_apart
from dovetail.showing.visible import shown
from dovetail.tensors.allocation import AllocationLimit, TooLargeError
from dovetail.tensors.header import StoredTensor, read_header
from dovetail.text.schema import Schema
from dovetail.version import __version__

FORMAT_VERSION = 4
"""The newest that is written; all versions up to this one are read."""

WITHOUT_CONFIDENCE = 3
"""The version of models whose confidences are what their heads say."""

OF_ONE_SCHEMA = 2
"""The version of models of one schema whose entities have one fragment each."""

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

NETWORK, CONFIG, WEIGHTS, CARD = (
    *("network.toml", "config.toml"),
    *("weights.safetensors", "README.md"),
)
_NAMES = {DESCRIPTION, NETWORK, CONFIG, WEIGHTS, CARD}


@dataclass(frozen=True)
class SavedModel:
    """A model with the config that it was trained with."""

    model: JointModel
    config: Config


def save_model(
    folder: Path,
    model: JointModel,
    config: Config,
    *,
    dev_by_corpus: Mapping[str, Evaluation] | None = None,
) -> None:
    """Write a model folder; one that is there is replaced only when the new one is whole.

    What is written is the model's final form, which says the same.

    Raises:
        ModelError: if the folder cannot be written, or holds files that are not a model's.
    """
    model = model.finalize()
    with model_folder_to_write(folder, is_of_model) as partial:
        save_file(rounded_state(model), partial / WEIGHTS)
        encoders = written_apart(model.encoder.assets(), partial)
        write_json(partial / DESCRIPTION, describe(model, encoders))
        (partial / NETWORK).write_text(dump_network(config), encoding="utf-8")
        (partial / CONFIG).write_text(dump_config(config), encoding="utf-8")
        (partial / CARD).write_text(
            shown(model_card(model, config, dev_by_corpus or {})), encoding="utf-8"
        )
        # safetensors lets nobody but the owner read; a model is for whoever may read its config.
        shutil.copymode(partial / CONFIG, partial / WEIGHTS)


def rounded_state(model: JointModel) -> dict[str, Tensor]:
    """The tensors to store, with the trained layers of a pretrained encoder in half precision.

    They are most of it, and lose less in this way than in the bfloat16 that many of them run in.
    """
    state = {name: tensor.contiguous() for name, tensor in model.stored_state().items()}
    for name in model.pretrained_names:
        state[name] = state[name].half()
    return state


@contextmanager
def model_folder_to_write(folder: Path, is_own: Callable[[str], bool]) -> Iterator[Path]:
    """A folder to write in, which takes the place of `folder` when all is written.

    Raises:
        ModelError: if it cannot be written, or the folder that is there holds names that are not
            those of a model.
    """
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    if others := [name for name in names if not is_own(name)]:
        raise ModelError(
            f"{folder} holds files that are not a model's, and would be replaced: "
            f"{', '.join(sorted(others)[:3])}; name another folder"
        )
    try:
        with whole_folder(folder) as unfinished:
            yield unfinished
    except (OutputError, SafetensorError) as error:
        raise ModelError(f"could not write the model {folder}: {error}") from error


def is_of_model(name: str) -> bool:
    """Whether a model folder has a file of this name."""
    return name in _NAMES or FILE_NAME.fullmatch(name) is not None


def files_of_model(folder: Path) -> list[str]:
    """The names of the files of a model folder that are there."""
    return sorted(path.name for path in folder.iterdir() if is_of_model(path.name))


def digest_of_model(folder: Path) -> str:
    """SHA-256 over all that decides what a saved model says, in hexadecimal digits.

    The record of its training is none of that, but in models of Dovetail 0.1, which it rebuilds.

    Raises:
        ModelError: if a file is missing or cannot be read.
    """
    digest = hashlib.sha256()
    rebuilds = NETWORK if (folder / NETWORK).exists() else CONFIG
    words = [path.name for path in sorted(folder.glob("*.txt")) if FILE_NAME.fullmatch(path.name)]
    for name in (DESCRIPTION, rebuilds, WEIGHTS, *words):
        try:
            check_regular(folder / name)
            with (folder / name).open("rb") as file:
                digest.update(f"{name} {os.fstat(file.fileno()).st_size}\n".encode())
                while block := file.read(_READ_BYTES):
                    digest.update(block)
        except OSError as error:
            raise ModelError(f"the model {folder} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def describe(model: JointModel, encoders: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The values beside config and weights that build the model again.

    Args:
        model: the model.
        encoders: its encoders' assets, their vocabularies written apart.
    """
    by_part = {"sharing": model.sharing.learned()} | {
        f"heads of {name}" if name else "heads": dict(own.learned)
        for name, own in model.heads.items()
    }
    learned = {part: values for part, values in by_part.items() if values}
    confidence = described_confidence(model)
    version = OF_ONE_SCHEMA if is_plain(model.schemas) else WITHOUT_CONFIDENCE
    return {
        "format": "dovetail-model",
        "version": FORMAT_VERSION if confidence else version,
        "dovetail": __version__,
        **described_schemas(model.schemas),
        "encoders": encoders,
        "sharing": model.sharing.assets(),
        **({"learned": learned} if learned else {}),
        **({"confidence": confidence} if confidence else {}),
    }


def load_model(folder: Path) -> SavedModel:
    """Read a model folder.

    Raises:
        ModelError: if a file is missing, damaged or too large, the format is newer than this
            program, the weights are not those of the model that is described, or the frozen
            encoder that it stands on is not there or not the same.
    """
    _check_names(folder, (DESCRIPTION,))
    description = read_description(folder)
    check_version(folder, description, FORMAT_VERSION, kind="model")
    _check_names(folder, (NETWORK if description["version"] > 1 else CONFIG, WEIGHTS))
    config = config_of_model(folder)
    try:
        description["encoders"] = read_back(description["encoders"], folder)
        header = read_header(folder / WEIGHTS)
        model = _described_model(folder, description, config, header)
        check_types(header, model.stored_state(), folder / WEIGHTS)
        model.load_stored_state(read_weights(folder / WEIGHTS))
        set_confidence(model, description.get("confidence", {}))
    except DovetailError:
        raise
    except _DAMAGED as error:
        what = error if type(error) is ValueError else repr(error)  # most of those are sentences
        raise ModelError(f"the model {folder} is damaged: {what}") from error
    return SavedModel(model.eval(), config)


def _check_names(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        if not (folder / name).exists():
            raise ModelError(f"{folder} is not a saved model: it has no {name}")


def config_of_model(folder: Path) -> Config:
    """The config of a saved model: what rebuilds it, and what is recorded of its training.

    Raises:
        ConfigError: if what rebuilds it cannot be read.
    """
    if (folder / NETWORK).exists():
        return load_saved(folder / NETWORK, folder / CONFIG)
    return load_config(folder / CONFIG)


def _described_model(
    folder: Path,
    description: Mapping[str, Any],
    config: Config,
    header: Mapping[str, StoredTensor],
) -> JointModel:
    """The model without its weights, no larger than these are."""
    schemas = schemas_of(description)
    # Models that were saved before there was a choice say nothing of the sharing.
    chosen = description.get("sharing", {})
    for name, schema in schemas.items():
        _check_number_of_types(name, schema, header, folder / WEIGHTS)
    try:
        with AllocationLimit.for_shapes(stored.shape for stored in header.values()):
            model = restore_model(config, schemas, description["encoders"], chosen)
    except TooLargeError as error:
        raise ModelError(
            f"the model {folder} is damaged: its config and {DESCRIPTION} ask for {error}, far "
            f"more than {WEIGHTS} holds"
        ) from error
    return model


def _check_number_of_types(
    name: str, schema: Schema, header: Mapping[str, StoredTensor], path: Path
) -> None:
    """Refuse a schema that the weights are not of, before tables of all its types are made."""
    schema = schema.coded
    stored = f"{stored_prefix(name)}{THRESHOLDS}"
    thresholds = header.get(stored)
    if thresholds is not None and thresholds.shape != (len(schema.relation_types),):
        raise ModelError(
            f"{path}: expected {stored} of shape ({len(schema.relation_types)},), found "
            f"{thresholds.shape}: a threshold for each relation type of {DESCRIPTION}"
        )
    longest = max((length for stored in header.values() for length in stored.shape), default=0)
    if longest < len(schema.entity_types):  # each has a row in the last layer of a head
        raise ModelError(
            f"{path}: these are not the weights of {len(schema.entity_types):,} entity types, as "
            f"many as {DESCRIPTION} lists; get the model anew"
        )
