"""The folder of a cell: where its files are, who works on it, and whether it is finished.

planned.toml           the config as the plan has it; the run completes it from a base or a teacher
config.toml, metrics.jsonl, checkpoint/, model/    the run, as `dovetail train` leaves it
gold/, predictions/    the dev and test sentences, annotated and predicted, in the native format;
                       of several corpora in a folder for each
counts.json            right, wrong and missed facts of each sentence, for statistics
result.json            scores and costs; written last, and at once: with it the cell is finished
failure.json, log.txt  what went wrong, if it did, and all that was printed

The folder of a probe has the run and, as its result, `probe.json`.
"""

from __future__ import annotations

import json
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from dovetail.errors import TrainingError
from dovetail.files.writing import write_text
from dovetail.lab.cell_events import Ended, Ending, LabCell
from dovetail.lab.workers import Steps, message_of
from dovetail.running.folder_lock import locked

RESULT = "result.json"
PARTS_OF_RESULT = ("test", "training", "costs", "dovetail")
SCORES, SCORES_BY_CORPUS, COUNTS_BY_CORPUS = "scores", "scores_by_corpus", "by_corpus"


class CellFolder:
    """Names the files of a cell.

    Args:
        root: the folder of all cells.
        key: what names the cell.
        result: the file that is written last.
    """

    def __init__(self, root: Path, key: str, *, result: str = RESULT) -> None:
        self.path = root / key
        self.planned = self.path / "planned.toml"
        self.config = self.path / "config.toml"
        self.metrics = self.path / "metrics.jsonl"
        self.checkpoint = self.path / "checkpoint"
        self.model = self.path / "model"
        self.counts = self.path / "counts.json"
        self.result = self.path / result
        self.speed = self.path / "speed.json"
        self.failure = self.path / "failure.json"
        self.log = self.path / "log.txt"
        self.lock = self.path / "cell.lock"

    @property
    def is_finished(self) -> bool:
        """Whether the cell has its result."""
        return self.result.is_file()

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Claim the cell for this process, and say whether that worked.

        The kernel releases the claim when the process ends, however it ends.

        Raises:
            OutputError: if the folder cannot be written.
        """
        with locked(self.lock) as mine:
            yield mine

    def attempt(self, cell: LabCell, work: Callable[[], Iterator[Any]]) -> Steps:
        """Do the cell unless it is finished or taken; what goes wrong is left in the folder."""
        with self.claimed() as mine:
            if not mine:
                return Ended(cell, Ending.TAKEN)
            if self.is_finished:
                return Ended(cell, Ending.FINISHED)
            self.failure.unlink(missing_ok=True)
            try:
                yield from work()
            except Exception as error:
                self.write_log(traceback.format_exc())
                self.note_failure(message_of(error))
                return Ended(cell, Ending.FAILED, message_of(error))
        return Ended(cell, Ending.FINISHED)

    def open_log(self) -> TextIO:
        """The file of all that is printed, to be written on.

        Raises:
            TrainingError: if it cannot be written.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            return self.log.open("a", encoding="utf-8")

    def write_log(self, text: str) -> None:
        """Add to the log.

        Raises:
            TrainingError: if it cannot be written.
        """
        with self.open_log() as file:
            file.write(text)

    def is_claimed(self) -> bool:
        """Whether another process is working on the cell now."""
        if not self.lock.exists():
            return False
        with self.claimed() as mine:
            return not mine

    def read_result(self) -> dict[str, Any]:
        """The result of a finished cell.

        Raises:
            TrainingError: if the file is damaged.
        """
        remedy = "remove it to run the cell again"
        if self.result.name != RESULT:
            return read_json(self.result, (), remedy)
        values = read_json(self.result, PARTS_OF_RESULT, remedy)
        if SCORES_BY_CORPUS not in values:
            return read_json(self.result, (SCORES,), remedy)
        return values

    def read_speed(self) -> float | None:
        """Sentences per second on one thread, if that was measured.

        Raises:
            TrainingError: if the file is damaged.
        """
        if not self.speed.is_file():
            return None
        rate = "sentences_per_second"
        return float(read_json(self.speed, (rate,), "remove it to measure again (--speed)")[rate])

    def read_failure(self) -> str:
        """Why the last attempt failed."""
        try:
            return str(json.loads(self.failure.read_text(encoding="utf-8"))["message"])
        except (OSError, ValueError, KeyError):
            return ""

    def note_failure(self, message: str) -> None:
        """Write why this attempt failed."""
        write_json(self.failure, {"message": message})

    def epoch_seconds(self) -> list[float]:
        """The time of each epoch that the run has behind it."""
        try:
            *lines, _ = self.metrics.read_text(encoding="utf-8").split("\n")
        except OSError:
            return []
        return [json.loads(line)["seconds"] for line in lines]

    def drop(self, *, models: bool) -> int:
        """Remove what only a run that goes on needs, and the model too; says how many bytes."""
        freed = 0
        for folder in (self.checkpoint, *([self.model] if models else [])):
            freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            shutil.rmtree(folder, ignore_errors=True)
        return freed


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what can go wrong while a folder is written into an error that names it.

    Raises:
        TrainingError: instead of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{folder} cannot be written: {error.strerror}; name another folder by --runs, or make "
            f"room in this one"
        ) from error


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file of JSON at once, or not at all."""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(values, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path, parts: Sequence[str], remedy: str) -> dict[str, Any]:
    """Read a file of JSON that has to have these parts.

    Raises:
        TrainingError: if it cannot be read or lacks one, with the remedy.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(values, dict) and values.keys() >= {*parts}):
            raise ValueError(f"expected an object with {', '.join(parts) or 'names'}")
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read: {error}; {remedy}") from None
    return values
