"""The folder of a run: where its files are, and what may be done with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dovetail.config import Config, dump_config, load_config
from dovetail.errors import TrainingError
from dovetail.files import make_folder, write_text
from dovetail.training.checkpoint import FILE, Checkpoint
from dovetail.training.extra import LeftOut


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

    def check(self, config: Config, *, resume: bool) -> None:
        """Refuse to overwrite a run, or to resume one with another config.

        Raises:
            TrainingError: saying what to do instead.
        """
        if resume:
            self._check_same(config)
        elif self.checkpoint.exists() or self.model.exists():
            raise TrainingError(
                f"{self.path} holds a run already: go on with it by --resume, give this one "
                f"another name (--set name=…), or remove the folder"
            )

    def _check_same(self, config: Config) -> None:
        if not self.config.is_file():
            raise TrainingError(
                f"there is no run to resume at {self.path}; start it without --resume"
            )
        stored = load_config(self.config)
        if config.data.language is None:  # what the run took is known when the texts are read
            data = config.data.model_copy(update={"language": stored.data.language})
            config = config.model_copy(update={"data": data})
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
        """Write the extra sentences that are not learned from, if there are any, a line each.

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
