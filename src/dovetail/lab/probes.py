"""Probes: networks for single tasks, made sparse, that show how many layers each task needs.

runs/<name>-probes/<task>-<penalty>-seed<number>/   a run each, and what was found in it:
    probe.json                                      written last, so that it is done once
runs/<name>-probes/found.toml                       the recipe of the exits that were found
runs/<name>-probes/random.toml                      its control: other exits of equal size
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from dovetail.config import (
    Config,
    ProbeSharingConfig,
    copies_layers,
    dump_config,
    with_changes,
)
from dovetail.config.layers import LayersConfig
from dovetail.config.structure import KIND
from dovetail.document import TASKS
from dovetail.errors import ConfigError, TrainingError
from dovetail.files import write_text
from dovetail.lab.cell_folder import write_json
from dovetail.lab.exits import exit_of, largest_penalty, random_exits
from dovetail.layers.cutting import without_dead_groups
from dovetail.layers.groups import groups_of, layers_with_groups
from dovetail.saved_model import load_model
from dovetail.training import RunEvent, RunFinished, train
from dovetail.training.checkpoint import Checkpoint
from dovetail.training.run_folder import RunFolder

FOUND = "probe.json"


@dataclass(frozen=True)
class Probe:
    """One training: a task, what its groups have to be worth, and a seed."""

    task: str
    penalty: float
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.task}-{self.penalty:g}-seed{self.seed}"


@dataclass(frozen=True)
class Found:
    """What the last epoch left alive: of each layer the share of its groups, and its numbers.

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


def planned(penalties: Sequence[float], seeds: int, *, first_seed: int) -> list[Probe]:
    """The probes of both tasks."""
    chosen = range(first_seed, first_seed + seeds)
    return [Probe(t, penalty, seed) for t in TASKS for penalty in penalties for seed in chosen]


def sort_of_layers(config: Config) -> dict[str, Any]:
    """What the layers of a config are made of, as values of a section.

    Raises:
        ConfigError: if they are copies of pretrained layers, or there are none.
    """
    own = config.sharing.model_dump(mode="json")
    if copies_layers(config.sharing):
        raise ConfigError(
            "sharing.cell: copies of pretrained layers are not probed; set another cell"
        )
    if not isinstance(config.sharing, LayersConfig):
        raise ConfigError(
            f'sharing.kind: "{config.sharing.kind}" has no layers that a probe could have; take '
            f'another kind, such as "depth"'
        )
    return {name: own[name] for name in ("cell", *LayersConfig.model_fields)}


def probe_config(config: Config, probe: Probe, layers: int) -> Config:
    """The config of a probe: the same but for the sharing, and without averages of weights.

    An average over the steps is not zero where the weights have just become so.
    """
    sharing = {
        **sort_of_layers(config),
        KIND: "probe",
        "task": probe.task,
        "layers": layers,
        "penalty": probe.penalty,
    }
    changes = {
        "name": f"{config.name}-{probe.name}",
        "seed": probe.seed,
        "sharing": sharing,
        "training.average": "none",
    }
    return with_changes(config, changes)


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


def run_probe(
    config: Config, folder: Path, *, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[RunEvent]:
    """Train a probe, or go on with it, and write down what it found; nothing if that is done.

    Raises:
        TrainingError: if the folder holds another run, or cannot be written.
        CorpusError: if the data cannot be read.
    """
    run = RunFolder(folder)
    begun = run.config.is_file()
    if begun:
        run.check_same(config)
    if is_found(folder):
        return
    for event in train(config, folder, resume=begun, should_stop=should_stop):
        yield event
        if isinstance(event, RunFinished) and not event.interrupted:
            write_json(folder / FOUND, asdict(found_in(run, config)))


def is_found(folder: Path) -> bool:
    """Whether the probe of this folder is done."""
    return (folder / FOUND).is_file()


def found_in(run: RunFolder, config: Config) -> Found:
    """Read off a finished run what its last epoch left alive, not its best one."""
    model = load_model(run.model).model
    model.load_stored_state(Checkpoint.load(run.checkpoint).model)
    layers = layers_with_groups(model.sharing)
    sharing = config.sharing
    if not isinstance(sharing, ProbeSharingConfig):
        raise TypeError(f"expected the config of a probe, found one of {sharing.kind!r}")
    last = json.loads(run.metrics.read_text(encoding="utf-8").splitlines()[-1])
    return Found(
        task=sharing.task,
        penalty=sharing.penalty,
        seed=config.seed,
        shares=[share_alive(layer) for layer in layers],
        parameters=sum(count(layer) for layer in layers),
        kept=sum(count(without_dead_groups(layer)) for layer in layers),
        f1=last["dev"][sharing.task]["strict"]["micro"]["f1"] if last["dev"] else None,
    )


def share_alive(layer: nn.Module) -> float:
    """The share of a layer's groups that are alive, of all sorts together."""
    alive = [own.alive() for own in groups_of(layer)]
    return float(sum(own.sum() for own in alive)) / sum(len(own) for own in alive)


def count(layer: nn.Module) -> int:
    """The numbers of a layer."""
    return sum(parameter.numel() for parameter in layer.parameters())


def read_found(folder: Path) -> Found:
    """What `run_probe` wrote down.

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
