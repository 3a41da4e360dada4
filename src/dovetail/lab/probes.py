"""Probes: networks for single tasks, made sparse, that show how many layers each task needs.

runs/<name>-probes/<task>-<penalty>-seed<number>/   a run each, and what was found in it:
    probe.json                                      written last, so that it is done once
runs/<name>-probes/found.toml                       the recipe of the exits that were found
runs/<name>-probes/random.toml                      its control: other exits of equal size
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from dovetail.config import Config, dump_config, with_changes
from dovetail.config.structure import KIND
from dovetail.errors import ConfigError, TrainingError
from dovetail.files.writing import write_text
from dovetail.lab.cell_events import LabCell
from dovetail.lab.cell_folder import CellFolder, write_json
from dovetail.lab.folder_cells import FolderCells
from dovetail.lab.workers import Steps
from dovetail.layers.cutting import without_dead_groups
from dovetail.layers.groups import groups_of, layers_with_groups
from dovetail.saved.model_folder import load_model
from dovetail.strategies.probe.config import probed
from dovetail.strategies.probe.rules import exit_of, largest_penalty, random_exits
from dovetail.text.document import TASKS
from dovetail.training import RunEvent, training_events
from dovetail.training.checkpoint import Checkpoint
from dovetail.training.run_folder import RunFolder

FOUND = "probe.json"


@dataclass(frozen=True)
class Probe(LabCell):
    """A cell: one training of a task, with what its groups have to be worth, and a seed."""

    task: str
    penalty: float
    seed: int
    config: Config

    @property
    def key(self) -> str:
        """The name of its folder."""
        return name_of(self.task, self.penalty, self.seed)


def name_of(task: str, penalty: float, seed: int) -> str:
    """Return the name of a probe."""
    return f"{task}-{penalty:g}-seed{seed}"


@dataclass(frozen=True)
class Found:
    """The live part after the last epoch: the share of each layer's groups, and its parameters.

    `parameters` are those of the layers, `kept` those without the dead groups; `f1` is the strict
    dev F1 of the task, none without a dev set.
    """

    task: str
    penalty: float
    seed: int
    shares: list[float]
    parameters: int
    kept: int
    f1: float | None


def planned(
    config: Config, penalties: Sequence[float], *, seeds: int, layers: int
) -> tuple[Probe, ...]:
    """The probes of both tasks, as a plan.

    Raises:
        ConfigError: if the config has no layers that can be probed.
    """
    chosen = range(config.seed, config.seed + seeds)
    return tuple(
        Probe(task, penalty, seed, probe_config(config, task, penalty, seed=seed, layers=layers))
        for task in TASKS
        for penalty in penalties
        for seed in chosen
    )


def sort_of_layers(config: Config) -> dict[str, Any]:
    """The kind and size of a config's layers, as values of a section.

    Raises:
        ConfigError: if they are copies of pretrained layers, or there are none.
    """
    if config.sharing.copies_layers:
        raise ConfigError(
            "sharing.cell: copies of pretrained layers are not probed; set another cell"
        )
    sort = config.sharing.sort_of_layers()
    if sort is None:
        raise ConfigError(
            f'sharing.kind: "{config.sharing.kind}" has no layers that a probe could have; take '
            f'another kind, such as "depth"'
        )
    return dict(sort)


def probe_config(config: Config, task: str, penalty: float, *, seed: int, layers: int) -> Config:
    """The config of a probe: the same except for the sharing, and without averages of weights.

    An average over the steps is not zero where the weights have just become so.
    """
    sharing = {
        **sort_of_layers(config),
        KIND: "probe",
        "task": task,
        "layers": layers,
        "penalty": penalty,
    }
    changes = {
        "name": f"{config.name}-{name_of(task, penalty, seed)}",
        "seed": seed,
        "sharing": sharing,
        "auxiliary": [],
        "training.average": "none",
    }
    return with_changes(config.alone, changes)


def exits_config(config: Config, exits: dict[str, int], *, name: str) -> Config:
    """The config with a shared stack of residual layers that the tasks leave there."""
    sharing = {
        **sort_of_layers(config),
        KIND: "exits",
        "residual": True,
        "shared_layers": max(exits.values()),
        **{f"{task}_exit": exit_ for task, exit_ in exits.items()},
    }
    return with_changes(config, {"name": f"{config.name}-{name}", "sharing": sharing})


def probes_in(folder: Path, probes: Sequence[Probe]) -> FolderCells:
    """The plan of the probes of a folder.

    Raises:
        TrainingError: if it holds probes of another config.
    """
    for probe in probes:
        run = RunFolder(folder / probe.key)
        if run.config.is_file():
            run.check_same(probe.config)
    return FolderCells(probes, folder, result=FOUND)


@dataclass(frozen=True)
class ProbeWork:
    """Trains probes below a folder, or goes on with them, and writes down what they found."""

    root: Path

    def __call__(self, probe: Probe) -> Steps:
        folder = CellFolder(self.root, probe.key, result=FOUND)
        return folder.attempt(probe, lambda: self._do(probe, folder))

    def _do(self, probe: Probe, folder: CellFolder) -> Iterator[RunEvent]:
        yield from training_events(probe.config, folder.path, resume=folder.config.is_file())
        write_json(folder.result, asdict(found_in(RunFolder(folder.path), probe.config)))


def found_in(run: RunFolder, config: Config) -> Found:
    """Read off a finished run what its last epoch left alive, not its best one."""
    model = load_model(run.model).model
    model.load_stored_state(Checkpoint.load(run.checkpoint).model)
    layers = layers_with_groups(model.sharing)
    task, penalty = probed(config.sharing)
    last = json.loads(run.metrics.read_text(encoding="utf-8").splitlines()[-1])
    return Found(
        task=task,
        penalty=penalty,
        seed=config.seed,
        shares=[share_alive(layer) for layer in layers],
        parameters=sum(count(layer) for layer in layers),
        kept=sum(count(without_dead_groups(layer)) for layer in layers),
        f1=last["dev"][task]["strict"]["micro"]["f1"] if last["dev"] else None,
    )


def share_alive(layer: nn.Module) -> float:
    """The share of a layer's groups that are alive, of all sorts together."""
    alive = [own.alive() for own in groups_of(layer)]
    return float(sum(own.sum() for own in alive)) / sum(len(own) for own in alive)


def count(layer: nn.Module) -> int:
    """The parameters of a layer."""
    return sum(parameter.numel() for parameter in layer.parameters())


def read_found(folder: Path) -> Found:
    """Read the result that `ProbeWork` wrote.

    Raises:
        TrainingError: if it is missing or damaged.
    """
    try:
        return Found(**json.loads((folder / FOUND).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{folder / FOUND} cannot be read: remove it ({error})") from error


def chosen_penalty(found: Sequence[Found], task: str, tolerance: float) -> float:
    """The penalty at which the exit of a task is read off.

    Raises:
        TrainingError: if there are several and no dev set to choose by.
    """
    by_penalty: dict[float, list[Found]] = {}
    for own in found:
        if own.task == task:
            by_penalty.setdefault(own.penalty, []).append(own)
    if len(by_penalty) == 1:
        return next(iter(by_penalty))
    scores = {p: [own.f1 for own in some if own.f1 is not None] for p, some in by_penalty.items()}
    if not all(scores.values()):
        raise TrainingError(
            "several penalties are compared on the dev set, and there is none: give one penalty, "
            "or name files in data.dev"
        )
    return largest_penalty(scores, tolerance)


def exits_from(found: Sequence[Found], tolerance: float) -> dict[str, int]:
    """The exit of each task."""
    exits = {}
    for task in TASKS:
        penalty = chosen_penalty(found, task, tolerance)
        exits[task] = exit_of(
            [own.shares for own in found if own.task == task and own.penalty == penalty]
        )
    return exits


def write_recipes(config: Config, exits: dict[str, int], folder: Path) -> list[Path]:
    """Write the recipe with these exits, and its control if there are other exits of its size."""
    recipes = {"found": exits, "random": random_exits(exits, seed=config.seed)}
    paths = []
    for name, own in recipes.items():
        path = folder / f"{name}.toml"
        path.unlink(missing_ok=True)
        if own is not None:
            text = dump_config(exits_config(config, own, name=f"{name}-exits"))
            write_text(path, text)
            paths.append(path)
    return paths
