"""What processes of a bulk extraction tell each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dovetail.bulk.options import BulkOptions

if TYPE_CHECKING:
    from dovetail.bulk.unit_work import Task

WORKER = "dovetail.bulk.worker_process"

OUT_OF_MEMORY = 77
"""The exit code of a worker for which there was not enough memory."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a worker does all its tasks with; `program` is the module that it runs."""

    model: str
    options: BulkOptions
    program: str = field(default_factory=lambda: WORKER)


@dataclass(frozen=True, slots=True)
class Identity:
    """The name of the model that a worker has loaded, and its digest."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Documents of a unit to be tried, each by itself."""

    task: Task
    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that the user can put right, in words."""

    message: str
