"""The tiny corpus as files, and what a run leaves, read back."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.corpus import DEV, TRAIN, save_corpus

from dovetail.config import Config, DataConfig
from dovetail.training import RunStarted, training_events


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """The training and dev sentences in files."""
    folder = tmp_path_factory.mktemp("corpus")
    train, dev = save_corpus(TRAIN, folder / "train.jsonl"), save_corpus(DEV, folder / "dev.jsonl")
    return DataConfig(train=(train,), dev=(dev,))


def weights(run: Path) -> bytes:
    """The bytes of the model that a run left."""
    return (run / "model" / "weights.safetensors").read_bytes()


def metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of a run, without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        del line["seconds"], line["sentences_per_second"]
    return lines


def check_resumes_to_the_same_bits(config: Config, folder: Path, *, stop_at: int) -> None:
    """A run that is stopped in its second epoch, at a number of events, ends as one that is not."""
    for _ in training_events(config, folder / "whole"):
        pass
    asked = count(1)
    for _ in training_events(config, folder / "run", should_stop=lambda: next(asked) == stop_at):
        pass
    started, *_ = training_events(config, folder / "run", resume=True)
    assert isinstance(started, RunStarted)
    assert started.epochs_done == 1
    assert weights(folder / "run") == weights(folder / "whole")
    assert metrics(folder / "run") == metrics(folder / "whole")
