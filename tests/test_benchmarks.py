"""What benchmarks start from can be started from."""

from __future__ import annotations

from pathlib import Path

from benchmarks import extraction
from tests.corpus import TRAIN, save_corpus
from tests.networks import ENCODERS

from dovetail.config import load_config
from dovetail.training import RunFinished, training_events


def test_model_that_benchmarks_train_needs_no_dev_sentences(tmp_path: Path) -> None:
    train = save_corpus(TRAIN, tmp_path / "train.jsonl")
    path = Path(extraction.__file__).with_name("extraction.toml")
    config = load_config(path, [f'data.train=["{train}"]', "training.threads=1"])
    config = config.model_copy(update={"encoders": ENCODERS})
    *_, last = training_events(config, tmp_path / "run")
    assert isinstance(last, RunFinished)
    assert last.model_folder.is_dir()
