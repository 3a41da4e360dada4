"""The record of a run: one JSON line for each epoch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dovetail.errors import OutputError, TrainingError
from dovetail.files.writing import append_line, write_text
from dovetail.training.results import EpochResult


class Metrics:
    """Appends epochs to a file.

    A resumed run starts with the lines of the epochs that its checkpoint holds; what was written
    after it, a torn last line included, is dropped and written again.
    """

    def __init__(self, path: Path, *, epochs_done: int) -> None:
        self.path = path
        kept = [line for line in self._lines() if (_epoch(line) or epochs_done + 1) <= epochs_done]
        with self._advice():
            write_text(path, "".join(f"{line}\n" for line in kept))

    def _lines(self) -> list[str]:
        if not self.path.exists():
            return []
        return self.path.read_text(encoding="utf-8", errors="replace").splitlines()

    def append(self, result: EpochResult) -> None:
        """Write one epoch.

        Raises:
            TrainingError: if the disk is full.
        """
        with self._advice():
            append_line(self.path, json.dumps(row(result)))

    @contextmanager
    def _advice(self) -> Iterator[None]:
        """Say how to go on where the record cannot be written."""
        try:
            yield
        except OutputError as error:
            raise TrainingError(
                f"{error}. The last checkpoint is whole: make room, then go on with --resume"
            ) from error


def row(result: EpochResult) -> dict[str, Any]:
    """An epoch as JSON values; dev scores are micro-F1, from 0 to 1."""
    dev = result.dev
    return {
        "phase": result.phase,
        "epoch": result.epoch,
        "losses": {name: round(loss, 6) for name, loss in result.losses.items()},
        "dev": dev.to_dict() if dev else None,
        "score": result.score,
        "best_epoch": result.best_epoch,
        "learning_rate": result.learning_rate,
        "seconds": round(result.seconds, 3),
        "sentences_per_second": round(result.sentences_per_second, 1),
    }


def _epoch(line: str) -> int | None:
    """The epoch of a line, or None if the line was torn."""
    try:
        return int(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):
        return None
