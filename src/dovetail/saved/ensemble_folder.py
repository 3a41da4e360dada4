"""An ensemble as a folder: its members, and a list of them with their digests.

model.json     format version; the folder, the name and the digest of each member; thresholds and
               scales of its own, if they are not the means of its members'
members/1/…    saved models
config.toml    of members that were trained together, the config of their run
README.md      the card

It is moved and loaded as a model is.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from dovetail.config import MAX_MEMBERS, Config, load_saved
from dovetail.errors import ModelError
from dovetail.model.ensemble import Ensemble, num_stored
from dovetail.model.prediction import Predictor
from dovetail.saved.description import DESCRIPTION, read_description, write_json
from dovetail.saved.member_list import (
    FORMAT,
    FORMAT_VERSION,
    MEMBERS,
    OF_MEANS,
    listed_members,
    read_members,
)
from dovetail.saved.model_folder import (
    CARD,
    CONFIG,
    NETWORK,
    SavedModel,
    config_of_model,
    digest_of_model,
    files_of_model,
    is_of_model,
    load_model,
    model_folder_to_write,
)
from dovetail.saved.own_decisions import (
    decide_as_described,
    described_decisions,
    own_decisions,
)
from dovetail.showing.visible import shown
from dovetail.text.named_schemas import joined_schema
from dovetail.text.reading import ModelReading
from dovetail.version import __version__

_IN_ENSEMBLE = {DESCRIPTION, CONFIG, CARD, MEMBERS}


class SavedPredictor(NamedTuple):
    """A model or an ensemble, how it reads texts, and what its members were trained with.

    `config` is that of a model or of members that were trained together; there is none of others.
    """

    model: Predictor
    reading: ModelReading
    config: Config | None
    members: tuple[Config, ...]


def load_predictor(folder: Path) -> SavedPredictor:
    """Read the folder of a model or of an ensemble.

    Raises:
        ModelError: if it is neither, is damaged, or stands on an encoder that is not there.
    """
    listed = read_members(folder)
    if listed is None:
        saved = load_model(folder)
        return SavedPredictor(saved.model, saved.config.reading, saved.config, (saved.config,))
    for name, digest in listed:
        if digest_of_model(folder / name) != digest:
            raise ModelError(
                f"the ensemble {folder} is damaged: {name} is not the model that it was made of; "
                f"make the ensemble again"
            )
    members = [load_model(folder / name) for name, _ in listed]
    ensemble = ensemble_of(members)
    decide_as_described(ensemble, read_description(folder), folder)
    configs = tuple(member.config for member in members)
    together = first_config(folder) if (folder / CONFIG).is_file() else None
    return SavedPredictor(ensemble, configs[0].reading, together, configs)


def ensemble_of(members: Sequence[SavedModel]) -> Ensemble:
    """Models that decide together.

    Raises:
        ModelError: if they have not the same types, tags, language, unit and windows.
    """
    readings = [member.config.reading for member in members]
    cuts = sorted({f"{reading.language} by {reading.unit}" for reading in readings})
    if len(cuts) > 1:
        listed = ", ".join(cuts)
        raise ModelError(
            f"models decide together only if they cut texts into the same units and words; these "
            f"were trained for {listed}"
        )
    sizes = sorted({str(member.config.windows) for member in members})
    if len(sizes) > 1:
        raise ModelError(
            f"models decide together only if they read long sentences in the same windows; these "
            f"were trained with windows of {' and of '.join(sizes)}"
        )
    return Ensemble([member.model for member in members]).eval()


def digest_of(folder: Path) -> str:
    """SHA-256 over all that decides what a saved model or ensemble says, in hexadecimal digits.

    Raises:
        ModelError: if it cannot be read.
    """
    listed = read_members(folder)
    if listed is None:
        return digest_of_model(folder)
    own = described_decisions(read_description(folder))
    parts = [*sorted(digest for _, digest in listed), *([own] if own else [])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def files_of_predictor(folder: Path) -> list[str]:
    """The names of the files of a model or an ensemble, within its folder and with ``/``.

    Raises:
        ModelError: if an ensemble is damaged.
    """
    listed = read_members(folder)
    if listed is None:
        return files_of_model(folder)
    members = [f"{name}/{file}" for name, _ in listed for file in files_of_model(folder / name)]
    own = (name for name in (DESCRIPTION, CONFIG, CARD) if (folder / name).exists())
    return [*own, *members]


def save_ensemble(folder: Path, models: Sequence[Path]) -> Ensemble:
    """Copy models into the folder of an ensemble; the order of the models makes no difference.

    Raises:
        ModelError: if a model cannot be loaded, is an ensemble itself or named twice, if the models
            do not go together, or if the folder cannot be written.
    """
    if len(models) > MAX_MEMBERS:
        raise ModelError(f"expected at most {MAX_MEMBERS} models, found {len(models):,}")
    sources = _distinct(models)
    members = [load_model(path) for path in sources.values()]
    ensemble = ensemble_of(members)
    names = [member.config.name for member in members]
    listed = listed_members(zip(names, sources, strict=True))
    with ensemble_folder_to_write(folder) as partial:
        for row, source in zip(listed, sources.values(), strict=True):
            (partial / row["folder"]).mkdir(parents=True)
            for name in files_of_model(source):
                shutil.copyfile(source / name, partial / row["folder"] / name)
        write_json(partial / DESCRIPTION, described_ensemble(ensemble, listed))
        (partial / CARD).write_text(shown(ensemble_card(ensemble, listed)), encoding="utf-8")
    return ensemble


def ensemble_folder_to_write(folder: Path) -> AbstractContextManager[Path]:
    """A folder to write an ensemble in, which takes the place of `folder` when all is written.

    Raises:
        ModelError: as `model_folder_to_write` does.
    """
    return model_folder_to_write(folder, _IN_ENSEMBLE.__contains__)


def described_ensemble(ensemble: Ensemble, listed: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The values that describe an ensemble of these members."""
    own = own_decisions(ensemble)
    version = FORMAT_VERSION if own else OF_MEANS
    description = {"format": FORMAT, "version": version, "dovetail": __version__}
    return {**description, "members": listed, **own}


def first_config(folder: Path) -> Config:
    """The config of a saved model or committee, or of the first member of another ensemble.

    Raises:
        ConfigError: if it cannot be read.
        ModelError: if the ensemble is damaged.
    """
    listed = read_members(folder)
    if not listed:
        return config_of_model(folder)
    first = folder / listed[0][0]
    if (folder / CONFIG).is_file():
        return load_saved(first / NETWORK, folder / CONFIG)
    return config_of_model(first)


def copy_saved(source: Path, target: Path) -> None:
    """Copy the files of a model or of an ensemble, and nothing else that lies beside them.

    A model that is in its place already stays as it is.

    Raises:
        ModelError: if it is not there or damaged, or the target holds other files or cannot be
            written.
    """
    if target.exists() and target.resolve() == source.resolve():
        return
    listed = read_members(source)
    if listed is None and not (source / DESCRIPTION).is_file():
        raise ModelError(f"{source} is not a saved model: it has no {DESCRIPTION}")
    is_own = _IN_ENSEMBLE.__contains__ if listed is not None else is_of_model
    with model_folder_to_write(target, is_own) as partial:
        copy_files(source, files_of_predictor(source), partial)


def copy_files(source: Path, names: Iterable[str], target: Path) -> None:
    """Copy files of these names, which have ``/``, and make the folders that they lie in."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def _distinct(models: Sequence[Path]) -> dict[str, Path]:
    """The folders of single models by their digests, in the order of these."""
    path_by_digest: dict[str, Path] = {}
    for path in models:
        if read_members(path) is not None:
            raise ModelError(f"{path} is an ensemble itself; name its members: {path / MEMBERS}/…")
        digest = digest_of_model(path)
        if digest in path_by_digest:
            raise ModelError(
                f"{path} and {path_by_digest[digest]} are the same model, which would count twice; "
                f"name it once"
            )
        path_by_digest[digest] = path
    return dict(sorted(path_by_digest.items()))


def ensemble_card(ensemble: Ensemble, listed: Sequence[dict[str, str]]) -> str:
    """Markdown for the README of an ensemble's folder."""
    schema = joined_schema(ensemble.schemas)
    members = "\n".join(f"- `{row['folder']}`: {row['name']}, {row['sha256']}" for row in listed)
    return f"""# Ensemble of {len(listed)}

Joint entity and relation models trained with Dovetail that decide together, by the mean of their
scores.

- Entity types: {", ".join(f"`{type_}`" for type_ in schema.entity_types)}
- Relation types: {", ".join(f"`{type_}`" for type_ in schema.relation_types)}
- Parameters stored: {num_stored(ensemble):,}; every member is run on every sentence, except frozen
  encoders that they share ({ensemble.num_shared_encoders})

Members, with the SHA-256 of each; their own cards say what they were trained on:

{members}
"""
