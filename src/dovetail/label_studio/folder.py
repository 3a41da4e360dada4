"""The folder of a backend: what was learned, and what is served.

DIR/project.json               the project that is learned from
DIR/divided.json               which of its tasks are learned from, and which are the dev set
DIR/trainings/N/train.json     the annotated tasks, as they were then; dev.json those of the dev set
DIR/trainings/N/run/           the run; its model is `run/model`
DIR/trainings/N/outcome.json   how it ended; written last
DIR/backend.lock               held by the process that serves from it
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dovetail.errors import DovetailError
from dovetail.files.bounded import read_json
from dovetail.files.writing import make_folder, write_text
from dovetail.running.folder_lock import locked

DEV_SHARE = 5
"""Every so many tasks, one goes to the dev set, and stays there."""

FEWEST_TASKS = 2 * DEV_SHARE
"""Annotated tasks that a training needs, two of them to compare models on."""

_MOST_BYTES = 1 << 28


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    `score` is that of the new model on the dev sentences, `old_score` that of the one before on the
    same, where there was one.
    """

    accepted: bool
    said: str
    score: float | None = None
    old_score: float | None = None

    @property
    def failed(self) -> bool:
        """Whether it ended before there was a model to compare."""
        return not self.accepted and self.score is None


class BackendFolder:
    """Names the files of a backend, and keeps its state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._project = path / "project.json"
        self._divided = path / "divided.json"
        self._trainings = path / "trainings"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Have the folder for this process alone.

        Raises:
            DovetailError: if another backend serves from it.
            OutputError: if it cannot be made.
        """
        with locked(self.path / "backend.lock") as mine:
            if not mine:
                raise DovetailError(
                    f"another backend serves from {self.path}: end it, or name another --folder"
                )
            yield

    def bind(self, url: str, project: int) -> None:
        """Learn from this project, and from no other.

        Raises:
            DovetailError: if the folder is another one's.
        """
        known = self._read(self._project)
        if known is None:
            self._write(self._project, {"url": url, "project": project})
        elif known.get("project") != project or known.get("url") != url:
            raise DovetailError(
                f"{self.path} is for project {known.get('project')} of {known.get('url')}, and "
                f"the request is for project {project} of {url}: start a backend with a --folder "
                f"of its own for each project"
            )

    def divide(self, tasks: Iterable[int]) -> frozenset[int]:
        """Which of these tasks are the dev set: those that were, and every fifth new one.

        What a task was once it stays, so that no model is compared on what it learned from.
        """
        known = self._read(self._divided) or {"train": [], "dev": []}
        train, dev = list(known["train"]), list(known["dev"])
        for task in sorted({*tasks} - {*train, *dev}, key=_drawn):
            is_due = DEV_SHARE * (len(dev) + 1) <= len(train) + len(dev) + 1
            (dev if is_due else train).append(task)
        self._write(self._divided, {"train": train, "dev": dev})
        return frozenset(dev).intersection(tasks)

    def training(self, number: int) -> Path:
        """The folder of a training."""
        return self._trainings / str(number)

    def part(self, number: int, name: str) -> Path:
        """The file of the tasks that a training learns from (`train`), or of its dev set."""
        return self.training(number) / f"{name}.json"

    def keep_tasks(self, number: int, name: str, tasks: Sequence[dict[str, Any]]) -> None:
        """Write the tasks of such a file."""
        self._write(self.part(number, name), tasks)

    def model(self, number: int) -> Path:
        """The folder of the model that a training made."""
        return self.training(number) / "run" / "model"

    def outcome(self, number: int) -> Outcome | None:
        """How a training ended, if it did."""
        values = self._read(self.training(number) / "outcome.json")
        return None if values is None else Outcome(**values)

    def note(self, number: int, outcome: Outcome) -> None:
        """Write how a training ended; from now on it is known.

        Its checkpoint goes, and so does a model that is not served.
        """
        run = self.training(number) / "run"
        shutil.rmtree(run / "checkpoint", ignore_errors=True)
        if not outcome.accepted:
            shutil.rmtree(run / "model", ignore_errors=True)
        self._write(self.training(number) / "outcome.json", asdict(outcome))

    @property
    def numbers(self) -> list[int]:
        """The trainings that began, by their numbers."""
        if not self._trainings.is_dir():
            return []
        return sorted(int(own.name) for own in self._trainings.iterdir() if own.name.isdecimal())

    @property
    def accepted(self) -> list[int]:
        """The trainings whose models were taken, the newest last."""
        outcomes = ((number, self.outcome(number)) for number in self.numbers)
        return [number for number, outcome in outcomes if outcome and outcome.accepted]

    def drop_interrupted(self) -> list[int]:
        """Remove trainings that did not end; their numbers."""
        dropped = [number for number in self.numbers if self.outcome(number) is None]
        for number in dropped:
            shutil.rmtree(self.training(number), ignore_errors=True)
        return dropped

    def _read(self, file: Path) -> Any:
        try:
            return read_json(file, at_most=_MOST_BYTES)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DovetailError(f"{file} cannot be read: {reason}") from None

    def _write(self, file: Path, values: Any) -> None:
        make_folder(file.parent)
        write_text(file, json.dumps(values, ensure_ascii=False) + "\n")


def _drawn(task: int) -> bytes:
    """A place in an order that is random and always the same."""
    return hashlib.sha256(str(task).encode()).digest()
