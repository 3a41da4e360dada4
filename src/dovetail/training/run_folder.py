"""The folder of a run: where its files are, and what may be done with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dovetail.config import Config, dump_config, load_config
from dovetail.errors import ModelError, TrainingError
from dovetail.evaluation import Evaluation
from dovetail.files.writing import make_folder, write_text
from dovetail.running.folder_lock import locked
from dovetail.saved.ensemble_folder import digest_of
from dovetail.training.checkpoint import FILE, Checkpoint, Progress
from dovetail.training.pools import LeftOut
from dovetail.training.results import RunFinished, dev_from_values, dev_values


class RunFolder:
    """Names the files of a run, and refuses to overwrite or to mix runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.left_out = path / "left_out.jsonl"
        self.metrics = path / "metrics.jsonl"
        self.checkpoint = path / "checkpoint"
        self.model = path / "model"
        self.draft = path / "model.draft"
        self.record = path / "finished.json"
        self.lock = path / "run.lock"

    @contextmanager
    def claimed(self, *, resume: bool) -> Iterator[None]:
        """Have the folder for this process alone, to begin a run in it or to go on with one.

        The kernel lets go of the claim when the process ends, however it ends.

        Raises:
            TrainingError: if another process has it, it holds a run already, or none to resume.
            OutputError: if it cannot be made.
        """
        if resume:
            self._check(resume=True)  # before anything is made
        with locked(self.lock) as mine:
            if not mine:
                raise TrainingError(
                    f"another process is training in {self.path}: wait for its end, or give this "
                    f"run another name (--set name=…)"
                )
            self._check(resume=resume)  # now that nobody else can begin or end one
            yield

    def _check(self, *, resume: bool) -> None:
        """Refuse to overwrite a run, or to resume what never started."""
        if resume and not self.config.is_file():
            raise TrainingError(
                f"there is no run to resume at {self.path}; start it without --resume"
            )
        if not resume and (self.checkpoint.exists() or self.model.exists()):
            raise TrainingError(
                f"{self.path} holds a run already: go on with it by --resume, give this one "
                f"another name (--set name=…), or remove the folder"
            )

    def check_same(self, config: Config) -> None:
        """Refuse to resume a run with another config.

        Raises:
            TrainingError: saying which fields differ.
        """
        stored = load_config(self.config)
        if config.sources[0].language is None:  # what was taken is known when texts are read
            config = config.in_language(stored.sources[0].language)
        differences = changed_fields(stored.model_dump(mode="json"), config.model_dump(mode="json"))
        if differences:
            listed = "".join(f"\n  {line}" for line in differences)
            raise TrainingError(
                f"{self.path} was started with another config, so it cannot go on with this one:"
                f"{listed}\nPut the values back, or start a new run under another name"
            )

    def begin(self, config: Config) -> None:
        """Make the folder and write the complete config.

        Raises:
            OutputError: if that cannot be written.
        """
        self._write(self.config, dump_config(config))

    def list_left_out(self, left_out: Sequence[LeftOut]) -> None:
        """Write the sentences of pools that are not learned from, if there are any, a line each.

        Raises:
            OutputError: if that cannot be written.
        """
        lines = [
            json.dumps(
                {
                    "field": item.field,
                    "reason": item.reason,
                    "id": item.sentence.id,
                    "tokens": item.sentence.tokens,
                },
                ensure_ascii=False,
            )
            for item in left_out
        ]
        if lines:
            self._write(self.left_out, "".join(f"{line}\n" for line in lines))

    def _write(self, file: Path, text: str) -> None:
        make_folder(self.path)
        write_text(file, text)

    def save_checkpoint(self, checkpoint: Checkpoint, data_digest: str) -> None:
        """Replace the checkpoint by a newer one, atomically."""
        replace(checkpoint, data_digest=data_digest).save(self.checkpoint)

    def note_finished(self, progress: Progress, dev_by_corpus: Mapping[str, Evaluation]) -> None:
        """Write that the model is that of this progress, and its dev scores.

        Raises:
            TrainingError: if that cannot be written.
        """
        values = {
            "epochs": progress.epoch,
            "best_epoch": progress.best_epoch,
            "model_sha256": digest_of(self.model),
            **dev_values(dev_by_corpus),
        }
        self._write(self.record, json.dumps(values) + "\n")

    def finished(self, progress: Progress) -> RunFinished | None:
        """How the run ended, if the model that is there is whole, and that of this progress."""
        try:
            values = json.loads(self.record.read_text(encoding="utf-8"))
            known = (values["epochs"], values["best_epoch"], values["model_sha256"])
            if known != (progress.epoch, progress.best_epoch, digest_of(self.model)):
                return None
            dev = dev_from_values(values)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ModelError):
            return None  # whatever it is, the model can be made again
        return RunFinished(self.model, dev, progress.best_epoch, progress.epoch, interrupted=False)

    def load_checkpoint(self, data_digest: str) -> Checkpoint | None:
        """The last checkpoint of the run; None if it was stopped before its first epoch was over.

        Raises:
            TrainingError: if it is damaged, or the data are not those it was trained on.
        """
        if not (self.checkpoint / FILE).is_file():
            return None
        checkpoint = Checkpoint.load(self.checkpoint)
        if checkpoint.data_digest != data_digest:
            raise TrainingError(
                f"the training or dev sentences are not those that {self.path} was started with: "
                f"put them back, or start a new run under another name"
            )
        return checkpoint


def changed_fields(old: Any, new: Any, path: str = "") -> list[str]:
    """The fields in which two nested values differ, a line each.

    >>> changed_fields({"seed": 1, "data": {"dev": []}}, {"seed": 2, "data": {"dev": []}})
    ['seed: was 1, is 2']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        lines = []
        for key in dict.fromkeys([*old, *new]):
            inner = f"{path}.{key}" if path else key
            lines += changed_fields(old.get(key), new.get(key), inner)
        return lines
    return [] if old == new else [f"{path}: was {old!r}, is {new!r}"]
