"""An ensemble as a folder: copies of its members, and a list of them with their digests.

model.json     format version; the folder, the name and the digest of each member
members/1/…    saved models
README.md      the card

It is moved and loaded as a model is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dovetail.ensemble import Ensemble
from dovetail.errors import ModelError
from dovetail.prediction import Predictor
from dovetail.saved_model import (
    CARD,
    DESCRIPTION,
    FILES,
    SavedModel,
    digest_of_model,
    load_model,
    model_folder_to_write,
    write_json,
)
from dovetail.version import __version__

FORMAT = "dovetail-ensemble"
FORMAT_VERSION = 1
MEMBERS = "members"


class SavedPredictor(NamedTuple):
    """A model or an ensemble, the language of its texts, and the unit that it reads at once."""

    model: Predictor
    language: str
    unit: str


def load_predictor(folder: Path) -> SavedPredictor:
    """Read the folder of a model or of an ensemble.

    Raises:
        ModelError: if it is neither, is damaged, or stands on an encoder that is not there.
    """
    listed = _listed_members(folder)
    if listed is None:
        saved = load_model(folder)
        return SavedPredictor(saved.model, *cut_of(saved))
    for name, digest in listed:
        if digest_of_model(folder / name) != digest:
            raise ModelError(
                f"the ensemble {folder} is damaged: {name} is not the model that it was made of; "
                f"make the ensemble again"
            )
    members = [load_model(folder / name) for name, _ in listed]
    return SavedPredictor(ensemble_of(members), *cut_of(members[0]))


def cut_of(saved: SavedModel) -> tuple[str, str]:
    """The language and the unit by which the texts of a model are cut."""
    data = saved.config.data
    return data.known_language, data.unit


def ensemble_of(members: Sequence[SavedModel]) -> Ensemble:
    """Models that decide together.

    Raises:
        ModelError: if they have not the same types, tags, language and unit.
    """
    cuts = sorted({cut_of(member) for member in members})
    if len(cuts) > 1:
        listed = ", ".join(f"{language} by {unit}" for language, unit in cuts)
        raise ModelError(
            f"models decide together only if they cut texts into the same units and words; these "
            f"were trained for {listed}"
        )
    return Ensemble([member.model for member in members]).eval()


def digest_of(folder: Path) -> str:
    """SHA-256 over all that decides what a saved model or ensemble says, in hexadecimal digits.

    Raises:
        ModelError: if it cannot be read.
    """
    listed = _listed_members(folder)
    if listed is None:
        return digest_of_model(folder)
    return hashlib.sha256("\n".join(sorted(digest for _, digest in listed)).encode()).hexdigest()


def save_ensemble(folder: Path, models: Sequence[Path]) -> Ensemble:
    """Copy models into the folder of an ensemble; the order of the models makes no difference.

    Raises:
        ModelError: if a model cannot be loaded, is an ensemble itself or named twice, if the models
            do not go together, or if the folder cannot be written.
    """
    sources = _distinct(models)
    members = [load_model(path) for path in sources.values()]
    ensemble = ensemble_of(members)
    listed = [
        {"folder": f"{MEMBERS}/{number}", "name": member.config.name, "sha256": digest}
        for number, (digest, member) in enumerate(zip(sources, members, strict=True), start=1)
    ]
    description = {"format": FORMAT, "version": FORMAT_VERSION, "dovetail": __version__}
    with model_folder_to_write(folder, {DESCRIPTION, CARD, MEMBERS}) as partial:
        for row, source in zip(listed, sources.values(), strict=True):
            (partial / row["folder"]).mkdir(parents=True)
            for name in sorted(FILES):
                if (source / name).exists():
                    shutil.copyfile(source / name, partial / row["folder"] / name)
        write_json(partial / DESCRIPTION, {**description, "members": listed})
        (partial / CARD).write_text(ensemble_card(ensemble, listed), encoding="utf-8")
    return ensemble


def _distinct(models: Sequence[Path]) -> dict[str, Path]:
    """The folders of single models by their digests, in the order of these."""
    path_by_digest: dict[str, Path] = {}
    for path in models:
        if _listed_members(path) is not None:
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
    schema = ensemble.schema
    members = "\n".join(f"- `{row['folder']}`: {row['name']}, {row['sha256']}" for row in listed)
    return f"""# Ensemble of {len(listed)}

Joint entity and relation models trained with Dovetail that decide together, by the mean of their
scores.

- Entity types: {", ".join(f"`{type_}`" for type_ in schema.entity_types)}
- Relation types: {", ".join(f"`{type_}`" for type_ in schema.relation_types)}
- Numbers stored: {ensemble.num_stored:,}; every member is run on every sentence, but for frozen
  encoders that they share ({ensemble.num_shared_encoders})

Members, with the SHA-256 of each; their own cards say what they were trained on:

{members}
"""


def _listed_members(folder: Path) -> list[tuple[str, str]] | None:
    """Folder and digest of each member; None if this is no ensemble."""
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        if description["format"] != FORMAT:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # what is wrong with a model, whoever loads it says
    found = description.get("version")
    if found != FORMAT_VERSION:
        raise ModelError(
            f"{folder} is an ensemble of format version {found}, this program reads "
            f"{FORMAT_VERSION}: install the version of Dovetail that wrote it "
            f"({description.get('dovetail', 'unknown')})"
        )
    try:
        return [(_inside(row["folder"]), str(row["sha256"])) for row in description["members"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the ensemble {folder} is damaged: {error!r}") from error


def _inside(folder: str) -> str:
    """The folder of a member, which lies in that of the ensemble wherever this was moved."""
    path = Path(folder)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"expected a member within the folder, found {folder!r}")
    return folder
