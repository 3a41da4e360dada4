"""The record of a training, read for drawing: losses and dev scores of each epoch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from dovetail.text.named_schemas import ONLY, named


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the record; scores are strict micro-F1 from 0 to 1, empty without a dev set."""

    number: int
    losses: dict[str, float]
    scores: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Curves:
    """The epochs of a run, of which the model is that of `best_epoch`."""

    epochs: Sequence[Epoch]
    best_epoch: int

    @property
    def seconds(self) -> float:
        """The time that all epochs took together."""
        return sum(epoch.seconds for epoch in self.epochs)


def read_curves(path: Path, corpus: str = ONLY, schema: str = ONLY) -> Curves | None:
    """Read ``metrics.jsonl``; lines that are torn are left out, and None means that none is whole.

    The scores are those of one of several corpora, where it is named, and else their mean; the
    losses those of the tasks of a schema, where one is named.

    A run that is killed may leave the last line torn, so that is no error.
    """
    if not path.is_file():
        return None
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            values = json.loads(line)
            rows.append((_epoch(values, corpus, schema), int(values["best_epoch"])))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    if not rows:
        return None
    return Curves([epoch for epoch, _ in rows], rows[-1][1])


def _epoch(values: dict[str, Any], corpus: str, schema: str) -> Epoch:
    several = values["dev_by_corpus"] if "dev_by_corpus" in values else {ONLY: values["dev"]}
    chosen = [several.get(corpus)] if corpus else [*several.values()]
    scores: dict[str, list[float]] = {}
    for dev in filter(None, chosen):
        for task in ("entity", "relation"):
            if dev[task]["sentences"]:
                scores.setdefault(task, []).append(float(dev[task]["strict"]["micro"]["f1"]))
    start = named(schema, "")
    return Epoch(
        number=int(values["epoch"]),
        losses={
            str(name).replace(start, ""): float(loss)
            for name, loss in values["losses"].items()
            if start in str(name)
        },
        scores={task: fmean(own) for task, own in scores.items()},
        seconds=float(values["seconds"]),
    )
