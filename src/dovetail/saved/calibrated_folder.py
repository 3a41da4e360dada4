"""A calibrated model as a folder: that of the model with other thresholds, scales, and a word."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file

from dovetail.errors import ModelError
from dovetail.model.ensemble import Ensemble, members_of
from dovetail.model.joint import JointModel, stored_prefix
from dovetail.model.prediction import Predictor
from dovetail.saved.described_confidence import described_confidence
from dovetail.saved.description import DESCRIPTION, read_description, write_json
from dovetail.saved.ensemble_folder import (
    copy_files,
    described_ensemble,
    ensemble_folder_to_write,
    files_of_predictor,
)
from dovetail.saved.model_folder import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    NETWORK,
    WEIGHTS,
    files_of_model,
    is_of_model,
    model_folder_to_write,
)
from dovetail.saved.weights_file import THRESHOLDS
from dovetail.showing.visible import shown
from dovetail.version import __version__

BEGIN, END = "<!-- confidence -->", "<!-- end of confidence -->"
_SECTION = re.compile(rf"\n*{BEGIN}(.*?){END}\n*", re.DOTALL)
_OF_SCHEMA = re.compile(r"<!-- confidence of (\S*) -->\n(.*?)(?=<!-- confidence of |\Z)", re.DOTALL)


def save_calibrated(source: Path, folder: Path, model: Predictor, said: Mapping[str, str]) -> None:
    """Write the model of a folder with the scales and thresholds that it has in memory.

    Those of an ensemble are its own; its members keep theirs.

    Args:
        source: the folder that it was loaded from.
        folder: where it is written; may be the same, which is replaced when the new one is whole.
        model: the model or the ensemble; of its weights nothing but the thresholds is written.
        said: Markdown for its card, by the names of the schemas that were calibrated; what it says
            of others stays.

    Raises:
        ModelError: if the folder cannot be written, holds files that are not a model's, or the
            model is of the first format.
    """
    if isinstance(model, Ensemble):
        with ensemble_folder_to_write(folder) as partial:
            copy_files(source, files_of_predictor(source), partial)
            listed = read_description(source)["members"]
            write_json(partial / DESCRIPTION, described_ensemble(model, listed))
            _tell_on_card(source, partial, [*model.heads], said)
        return
    if not (source / NETWORK).exists():
        raise ModelError(
            f"{source} was written by Dovetail 0.1, whose models hold no scales: train it again"
        )
    (alone,) = members_of(model)
    with model_folder_to_write(folder, is_of_model) as partial:
        copy_files(source, files_of_model(source), partial)
        _write_numbers(source, partial, alone)
        _tell_on_card(source, partial, [*model.heads], said)


def _write_numbers(source: Path, partial: Path, model: JointModel) -> None:
    """Write the thresholds among the weights, and the scales into the description."""
    state = load_file(source / WEIGHTS)
    for name, heads in model.heads.items():
        if heads.relation_head is not None:
            state[f"{stored_prefix(name)}{THRESHOLDS}"] = heads.relation_head.thresholds
    save_file({name: own.contiguous() for name, own in state.items()}, partial / WEIGHTS)
    shutil.copymode(partial / CONFIG, partial / WEIGHTS)
    description = read_description(source)
    version = {"version": FORMAT_VERSION, "dovetail": __version__}
    confidence = described_confidence(model)
    write_json(partial / DESCRIPTION, {**description, **version, "confidence": confidence})


def _tell_on_card(
    source: Path, partial: Path, schemas: Sequence[str], said: Mapping[str, str]
) -> None:
    card = (source / CARD).read_text(encoding="utf-8") if (source / CARD).is_file() else ""
    (partial / CARD).write_text(_with_confidence(card, schemas, said), encoding="utf-8")


def _with_confidence(card: str, schemas: Sequence[str], said: Mapping[str, str]) -> str:
    """The card with what is said of some schemas, and what it said of the others before."""
    old = _SECTION.search(card)
    known = dict(_OF_SCHEMA.findall(old[1])) if old else {}
    told = {**known, **{name: shown(text) for name, text in said.items()}}
    lines = [BEGIN, "## Confidence", ""]
    for name in schemas:
        if name in told:
            lines += [f"<!-- confidence of {name} -->", told[name].strip(), ""]
    return "\n".join([_SECTION.sub("", card).rstrip(), "", *lines[:-1], END, ""])
