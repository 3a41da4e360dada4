"""Everything that training needs to go on as if it had never stopped, in one file.

One safetensors file, replaced atomically: whoever kills the process, the file is the last whole
checkpoint or the one before it.  The state of the random generators is not in it: every epoch
seeds them anew from the run's seed and its own number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from dovetail.errors import OutputError, TrainingError
from dovetail.files.writing import make_folder, replaced

FILE = "state.safetensors"

PARTS = ("model", "best", "optimiser", "objectives", "average", "opponents")
"""The tensors of a checkpoint by the part that they belong to, each a field of `Checkpoint`."""


@dataclass(frozen=True)
class Progress:
    """Where training stands at the end of an epoch."""

    phase: int = 0
    phase_start: int = 0
    """Epochs that were done when the phase began."""
    epoch: int = 0
    """Epochs that are done, over all phases."""
    step: int = 0
    """Optimiser steps that are done, over all phases."""
    best_epoch: int = 0
    """The best epoch of the phase; before its first epoch is over, `phase_start`."""
    best_score: float = -1.0


@dataclass(frozen=True)
class Checkpoint:
    """The progress, the model's weights, the best weights so far, and what else is learned.

    `optimiser` is the optimiser's state, `objectives` what the objectives own, `average` the
    averaged weights, if there are any, and `opponents` the state of the optimisers of the networks
    that objectives play against.  `data_digest` is that of the sentences trained on, so that a run
    is resumed with the same.
    """

    progress: Progress
    model: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimiser: Mapping[str, Tensor]
    objectives: Mapping[str, Tensor] = field(default_factory=dict)
    average: Mapping[str, Tensor] = field(default_factory=dict)
    opponents: Mapping[str, Tensor] = field(default_factory=dict)
    data_digest: str = ""

    def save(self, folder: Path) -> None:
        """Write the checkpoint so that a crash at any moment leaves a whole one.

        Raises:
            TrainingError: if the disk is full or the folder cannot be written; the checkpoint
                before stays as it is.
        """
        tensors = {
            f"{part}/{name}": tensor.detach().contiguous()
            for part in PARTS
            for name, tensor in getattr(self, part).items()
        }
        target = folder / FILE
        metadata = {"progress": json.dumps(asdict(self.progress)), "data_digest": self.data_digest}
        try:
            make_folder(folder)
            _remove_leftovers(folder)
            with replaced(target) as unfinished:
                save_file(tensors, unfinished, metadata=metadata)
        except (OSError, OutputError, SafetensorError) as error:
            before = (
                "The checkpoint before it is whole: make room, then go on with --resume"
                if os.path.exists(target)  # false where the folder cannot be read either
                else "There is none before it: make room, then start with --resume"
            )
            raise TrainingError(
                f"could not write the checkpoint {target}: {error}. {before}"
            ) from error

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        """Read what `save` wrote.

        Raises:
            TrainingError: if there is no checkpoint, or it is damaged.
        """
        path = folder / FILE
        if not path.is_file():
            raise TrainingError(
                f"no checkpoint at {path}: the run ended before its first epoch did, or was never "
                f"started; start it without --resume"
            )
        parts: dict[str, dict[str, Tensor]] = {part: {} for part in PARTS}
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata()
                data_digest = metadata["data_digest"]
                progress = Progress(**json.loads(metadata["progress"]))
                for name in file.keys():  # noqa: SIM118 (it is not a dict)
                    part, _, key = name.partition("/")
                    parts[part][key] = file.get_tensor(name)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"the checkpoint {path} is damaged: {error}") from error
        return cls(progress, **parts, data_digest=data_digest)

    @classmethod
    def joined(cls, members: Sequence[Checkpoint]) -> Checkpoint:
        """The checkpoint of several models that train together, at the same progress."""
        parts: dict[str, dict[str, Tensor]] = {
            part: {
                f"{place}/{name}": tensor
                for place, own in enumerate(members)
                for name, tensor in getattr(own, part).items()
            }
            for part in PARTS
        }
        return cls(members[0].progress, **parts, data_digest="")

    def of_member(self, place: int) -> Checkpoint:
        """What `joined` took from the model at this place."""
        start = f"{place}/"
        parts: dict[str, dict[str, Tensor]] = {
            part: {
                name.removeprefix(start): tensor
                for name, tensor in getattr(self, part).items()
                if name.startswith(start)
            }
            for part in PARTS
        }
        return Checkpoint(self.progress, **parts, data_digest="")


def _remove_leftovers(folder: Path) -> None:
    """Remove what a process left that was killed in the middle of a checkpoint."""
    for path in folder.iterdir():
        if path.name != FILE:
            path.unlink()


def tensors_from_optimiser(optimiser: Optimizer) -> dict[str, Tensor]:
    """The optimiser's moments and step counts by name (a group's rate comes from the schedule)."""
    return {
        f"{index}/{name}": value
        for index, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimiser(optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser back what `tensors_from_optimiser` took from its twin."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that do not change when their originals do."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def seed_epoch(seed: int, *, phase: int, epoch: int) -> int:
    """Seed torch for one epoch, so that it runs the same whether or not the run was interrupted."""
    value = ((seed * 1_000_003 + phase) * 1_000_003 + epoch) % 2**63  # what torch takes
    torch.manual_seed(value)
    return value
