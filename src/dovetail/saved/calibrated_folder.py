"""A calibrated model as a folder: that of the model with other thresholds, scales, and a word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from dovetail.errors import ModelError
from dovetail.model.joint import JointModel, stored_prefix
from dovetail.saved.described_confidence import described_confidence
from dovetail.saved.description import DESCRIPTION, read_description, write_json
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
_SECTION = re.compile(rf"\n*{BEGIN}.*?{END}\n*", re.DOTALL)


def save_calibrated(source: Path, folder: Path, model: JointModel, said: str) -> None:
    """Write the model of a folder with the scales and thresholds that it has in memory.

    Args:
        source: the folder that it was loaded from.
        folder: where it is written; may be the same, which is replaced when the new one is whole.
        model: the model; of its weights nothing but the thresholds is written.
        said: Markdown for its card.

    Raises:
        ModelError: if the folder cannot be written, holds files that are not a model's, or the
            model is of the first format.
    """
    if not (source / NETWORK).exists():
        raise ModelError(
            f"{source} was written by Dovetail 0.1, whose models hold no scales: train it again"
        )
    with model_folder_to_write(folder, is_of_model) as partial:
        for name in files_of_model(source):
            shutil.copyfile(source / name, partial / name)
        state = load_file(source / WEIGHTS)
        for name, heads in model.heads.items():
            if heads.relation_head is not None:
                state[f"{stored_prefix(name)}{THRESHOLDS}"] = heads.relation_head.thresholds
        save_file({name: own.contiguous() for name, own in state.items()}, partial / WEIGHTS)
        description = read_description(source)
        version = {"version": FORMAT_VERSION, "dovetail": __version__}
        confidence = described_confidence(model)
        write_json(partial / DESCRIPTION, {**description, **version, "confidence": confidence})
        card = (source / CARD).read_text(encoding="utf-8") if (source / CARD).is_file() else ""
        text = f"{_SECTION.sub('', card).rstrip()}\n\n{BEGIN}\n{shown(said).strip()}\n{END}\n"
        (partial / CARD).write_text(text, encoding="utf-8")
        shutil.copymode(partial / CONFIG, partial / WEIGHTS)
