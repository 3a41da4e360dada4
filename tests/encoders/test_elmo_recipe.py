"""The recipe of the paper's input, on tiny stand-ins in the formats of the published files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import PROJECT
from tests.corpus import DEV, SENTENCES, TRAIN, save_corpus
from tests.encoders.elmo_restated import save_elmo

from dovetail import Extractor
from dovetail.config import Config, load_config
from dovetail.errors import ConfigError
from dovetail.strategies import DepthSharingConfig
from dovetail.training import training_events

RECIPE = PROJECT / "recipes" / "paper.toml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the recipe reads, which the environment names."""
    stem = "elmo_2x4096_512_2048cnn_2xhighway_5.5B"
    save_elmo(tmp_path)
    (tmp_path / "options.json").rename(tmp_path / f"{stem}_options.json")
    (tmp_path / "weights.hdf5").rename(tmp_path / f"{stem}_weights.hdf5")
    words = sorted({token.lower() for sentence in TRAIN for token in sentence.tokens})
    vectors = np.random.default_rng(1).normal(size=(len(words), 300))
    lines = [
        f"{word} {' '.join(f'{value:.4f}' for value in vector)}"
        for word, vector in zip(words, vectors, strict=True)
    ]
    (tmp_path / "glove.6B.300d.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("DOVETAIL_ELMO", str(tmp_path))
    monkeypatch.setenv("DOVETAIL_GLOVE", str(tmp_path))
    return tmp_path


def stand_in(folder: Path) -> Config:
    """The recipe with a corpus of some sentences, for one step."""
    corpora = {
        "train": save_corpus(TRAIN[:2], folder / "train.jsonl"),
        "dev": save_corpus(DEV[:2], folder / "dev.jsonl"),
    }
    data = [f"data.{name}={path}" for name, path in corpora.items()]
    return load_config(RECIPE, [*data, "training.epochs=1", "training.precision=fp32"])


def test_the_recipe_has_the_numbers_of_the_paper(folder: Path) -> None:
    config = load_config(RECIPE)
    assert [encoder.kind for encoder in config.encoders] == [
        "elmo",
        "static",
        "characters",
        "casing",
    ]
    assert config.sharing == DepthSharingConfig(
        cell="gru",
        hidden_dim=256,
        dropout=0.35,
        shared_layers=1,
        entity_layers=1,
        relation_layers=2,
    )
    head = config.relation_head
    assert (head.label_dim, head.dropout, head.threshold) == (25, 0.5, 0.9)
    assert (config.entity_head.scheme, head.signatures) == ("bio", "off")
    assert config.training.relation_loss_weight == 5.0
    assert config.training.batch_size == 2


def test_without_the_variables_the_recipe_says_which_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOVETAIL_ELMO", raising=False)
    monkeypatch.delenv("DOVETAIL_GLOVE", raising=False)
    with pytest.raises(ConfigError, match=r"DOVETAIL_ELMO, which is not set(.|\n)*DOVETAIL_GLOVE"):
        load_config(RECIPE)


def test_the_recipe_trains_saves_and_extracts(folder: Path) -> None:
    for _ in training_events(stand_in(folder), folder / "run"):
        pass
    extractor = Extractor.load(folder / "run" / "model")
    encoder = extractor.model.encoder
    assert [part.output_dim for part in encoder] == [8, 300, 64, 7]
    assert {name for name in encoder.stored_state() if name.startswith("0.")} == {
        "0.join.logits",
        "0.join.scale",
    }
    sentences = SENTENCES[:8]
    together = extractor.annotate(sentences)
    again = Extractor.load(folder / "run" / "model").annotate(sentences)
    assert together == again
