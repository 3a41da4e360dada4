"""The study: where trials are kept, so that processes and machines share them and none is lost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.pruners import BasePruner, MedianPruner
from optuna.trial import FrozenTrial

from dovetail.config import Config
from dovetail.errors import TrainingError
from dovetail.lab.search.records import DEATHS, REPEATS
from dovetail.lab.search.sampler import StartThenTPE
from dovetail.lab.search.space import Space
from dovetail.lab.search.storage import GRACE, Outages, open_storage, storage_errors
from dovetail.training.run_folder import changed_fields

MOST_DEATHS = 3
"""How often a trial is tried whose process ends each time."""

FILES = ("train", "dev", "extra", "templates", "negatives", "documents", "held_out")
"""Fields of a corpus that name files."""

WITHOUT_EFFECT = (
    "name",
    "training.threads",
    "training.cache_gigabytes",
    "training.disk_cache_gigabytes",
)
"""Fields that may differ between the machines of a study, beside the paths of the data."""


@dataclass(frozen=True)
class Task:
    """A search: what is tuned, where its trials are kept, and how many there are to be.

    `heartbeat_seconds` is how often a running trial gives a sign of life; without one for
    `grace_seconds` its process counts as dead, and another one repeats the trial.
    """

    space: Space
    name: str
    storage: str
    trials: int
    heartbeat_seconds: int = 10

    @property
    def config(self) -> Config:
        """The config that the search starts from."""
        return self.space.start

    @property
    def grace_seconds(self) -> int:
        """How long a running trial counts as alive after a sign of life."""
        return GRACE * self.heartbeat_seconds


def open_study(
    task: Task, *, data_digest: str = "", outages: Outages | None = None
) -> optuna.Study:
    """Begin a study, or go on with it.

    Args:
        task: the search.
        data_digest: of its sentences, if they are known; the study remembers them.
        outages: who waits for a server that goes away later; without one nobody is told.

    Raises:
        TrainingError: if the storage cannot be used, or its study is one of another config, space
            or data.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with storage_errors(task.storage):
        study = optuna.create_study(
            storage=open_storage(task.storage, task.heartbeat_seconds, repeat_dead, outages),
            study_name=task.name,
            direction="maximize",
            load_if_exists=True,
            sampler=_sampler(task.space),
            pruner=pruner(task.config),
        )
        if data_digest:
            _check_same(study, task, data_digest)
    return study


def _sampler(space: Space) -> StartThenTPE:
    start = {} if space.outside else space.stored(space.start_values)
    return StartThenTPE(start, seed=space.start.seed)


def pruner(config: Config) -> BasePruner:
    """End a trial whose best dev score so far is below the median of others after as many epochs.

    A tenth of the epochs is left to every trial, and the first five trials are left alone.
    Hyperband would need a number of epochs after which the order of configs means something, and
    brackets of dozens of trials; trials here stop early by themselves, and are few.
    """
    return MedianPruner(
        n_startup_trials=5, n_warmup_steps=math.ceil(config.training.epochs / 10) + 1
    )


def repeat_dead(study: optuna.Study, trial: FrozenTrial) -> None:
    """Repeat a trial whose process is dead, unless it is the trial that kills it."""
    deaths = trial.user_attrs.get(DEATHS, 0) + 1
    if deaths < MOST_DEATHS:
        repeat(study, trial, deaths=deaths)


def repeat(study: optuna.Study, trial: FrozenTrial, *, deaths: int | None = None) -> None:
    """Queue a trial with the same values in place of one that did not come to its end."""
    before = trial.user_attrs
    attributes = {
        REPEATS: [*before.get(REPEATS, ()), trial.number],
        DEATHS: before.get(DEATHS, 0) if deaths is None else deaths,
    }
    study.enqueue_trial(trial.params, user_attrs=attributes)


def _check_same(study: optuna.Study, task: Task, data_digest: str) -> None:
    """Remember what the study is about, or refuse to go on with it about something else."""
    now: dict[str, Any] = {
        "config": comparable(task.config),
        "space": {field: entry.to_toml() for field, entry in task.space.entries.items()},
        "data": data_digest,
    }
    attributes = study.user_attrs
    differences = []
    for name, value in now.items():
        text = json.dumps(value)
        if name not in attributes:
            study.set_user_attr(name, text)
        elif name == "data" and attributes[name] != text:
            differences.append("the training or dev sentences are not the same")
        elif name == "space":
            differences += changed_entries(json.loads(attributes[name]), value)
        else:
            differences += changed_fields(json.loads(attributes[name]), value)
    if differences:
        listed = "".join(f"\n  {line}" for line in differences)
        raise TrainingError(
            f"the study {task.name!r} was started otherwise, so it cannot go on like this:{listed}"
            f"\nPut it back, or start a new study under another name (--name …)"
        )


def comparable(config: Config) -> dict[str, Any]:
    """Return the settings that decide about scores; paths may differ between machines.

    The sentences and the teacher are compared by their digests.
    """
    values = config.model_dump(mode="json")
    for corpus in values.get("corpora") or [values["data"]]:
        for field in (*FILES, "on_disk"):
            del corpus[field]
    values["distillation"] |= {"teacher": None, "unlabelled": []}
    for field in WITHOUT_EFFECT:
        *parents, name = field.split(".")
        table = values
        for parent in parents:
            table = table[parent]
        del table[name]
    return values


def changed_entries(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The entries in which two search spaces differ, a line each."""
    return [
        f"{field}: was {old.get(field, 'not tuned')}, is {new.get(field, 'not tuned')}"
        for field in dict.fromkeys([*old, *new])
        if old.get(field) != new.get(field)
    ]
