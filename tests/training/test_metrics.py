from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus import DEV

from dovetail.errors import TrainingError
from dovetail.evaluation import evaluate
from dovetail.text.named_schemas import ONLY
from dovetail.training import EpochResult
from dovetail.training.metrics import Metrics

EPOCH = EpochResult(
    phase="joint",
    epoch=1,
    epochs=9,
    losses={"entity": 1.5, "relation": 0.25},
    dev_by_corpus={ONLY: evaluate(DEV, DEV, bootstrap_samples=0)},
    score=1.0,
    best_epoch=1,
    learning_rate=0.01,
    seconds=2.0,
    sentences_per_second=11.0,
)


def written(path: Path, epochs: int) -> list[str]:
    metrics = Metrics(path, epochs_done=0)
    for epoch in range(1, epochs + 1):
        metrics.append(replace(EPOCH, epoch=epoch))
    return path.read_text("utf-8").splitlines()


def test_every_epoch_is_a_line_of_json(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in written(tmp_path / "metrics.jsonl", 2)]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[0]["losses"] == {"entity": 1.5, "relation": 0.25}
    assert lines[0]["dev"]["relation"]["strict"]["micro"]["f1"] == 1.0


@pytest.mark.parametrize("done", [0, 1, 3])
def test_resumed_run_keeps_the_lines_of_the_epochs_that_are_done(tmp_path: Path, done: int) -> None:
    path = tmp_path / "metrics.jsonl"
    before = written(path, 3)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"epoch": 4, "loss')  # torn by a crash
    metrics = Metrics(path, epochs_done=done)
    assert path.read_text("utf-8").splitlines() == before[:done]
    metrics.append(replace(EPOCH, epoch=done + 1))
    epochs = [json.loads(line)["epoch"] for line in path.read_text("utf-8").splitlines()]
    assert epochs == list(range(1, done + 2))


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = Metrics(path, epochs_done=0)
    path.unlink()
    path.mkdir()
    with pytest.raises(TrainingError, match=r"metrics\.jsonl.*make room"):
        metrics.append(EPOCH)
