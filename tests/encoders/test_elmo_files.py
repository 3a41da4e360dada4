from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tests.encoders.elmo_restated import OPTIONS, options_with, save_elmo, shapes

from dovetail.encoders import ElmoEncoder
from dovetail.encoders.elmo_files import ElmoOptions, find_elmo, read_elmo_weights
from dovetail.errors import MissingExtraError, ModelError


def load(folder: Path) -> ElmoEncoder:
    return ElmoEncoder.load(folder / "options.json", folder / "weights.hdf5")


def test_the_weights_asked_for_are_those_of_the_published_layout() -> None:
    for options in (OPTIONS, options_with(lstm={"n_layers": 1}, char_cnn={"n_highway": 0})):
        found = dict(ElmoOptions.parse(options, source="options").shapes())
        assert found == shapes(options)


def test_the_largest_published_model_has_94_million_numbers() -> None:
    filters = [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]]
    options = options_with(
        lstm={"dim": 4096, "projection_dim": 512, "cell_clip": 3, "proj_clip": 3},
        char_cnn={"filters": filters, "embedding": {"dim": 16}, "max_characters_per_token": 50},
    )
    sizes = ElmoOptions.parse(options, source="options").shapes()
    assert sum(math.prod(shape) for _, shape in sizes) == 93_600_848


def test_what_is_not_of_the_network_is_not_read(tiny_elmo: Path) -> None:
    files = find_elmo(ElmoOptions.read(tiny_elmo / "options.json"), tiny_elmo / "weights.hdf5")
    weights = read_elmo_weights(files)
    assert "softmax/W" not in weights
    assert {weight.dtype for weight in weights.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            options_with(lstm={"dim": 7}),
            r"Cell0/LSTMCell/W_0: expected the shape \(8, 28\), found the shape \(8, 24\)",
        ),
        (
            options_with(lstm={"n_layers": 1}),
            r"Cell1/LSTMCell/B: expected nothing, found the shape \(24,\)",
        ),
        (
            options_with(char_cnn={"n_highway": 3}),
            r"CNN_high_2/W_carry: expected the shape \(12, 12\), found nothing",
        ),
        (options_with(lstm={"projection_dim": 5}), r"and 5 more; name the options file"),
    ],
)
def test_weights_that_contradict_the_options_are_named(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    save_elmo(tmp_path)
    (tmp_path / "options.json").write_text(json.dumps(options), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lstm": OPTIONS["lstm"]}, "char_cnn: Field required"),
        (options_with(lstm={"dim": 0, "cell_clip": -1}), r"lstm\.dim: .*; lstm\.cell_clip: "),
        (options_with(char_cnn={"activation": "gelu"}), r"char_cnn\.activation: .*'relu'"),
        (options_with(char_cnn={"n_characters": 300}), r"char_cnn\.n_characters: .*262"),
        (options_with(char_cnn={"filters": []}), r"char_cnn\.filters"),
        (options_with(char_cnn={"filters": [[13, 2]]}), "filter of 13 characters does not fit"),
        ([1, 2], "the file: "),
    ],
)
def test_options_that_cannot_be_computed_are_refused(
    options: Any, message: str, tmp_path: Path
) -> None:
    save_elmo(tmp_path)
    (tmp_path / "options.json").write_text(json.dumps(options), encoding="utf-8")
    with pytest.raises(ModelError, match=rf"options\.json: not the options .*{message}"):
        load(tmp_path)


def test_options_survive_saving() -> None:
    options = ElmoOptions.parse(OPTIONS, source="options")
    saved = json.loads(json.dumps(options.model_dump(mode="json")))
    assert ElmoOptions.parse(saved, source="saved") == options


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"options\.json: cannot read the options.*No such file"):
        load(tmp_path)
    (tmp_path / "options.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match=r"options\.json: expected the options of ELMo as JSON"):
        load(tmp_path)
    save_elmo(tmp_path)
    (tmp_path / "weights.hdf5").unlink()
    with pytest.raises(ModelError, match=r"weights\.hdf5: cannot read the weights.*No such file"):
        load(tmp_path)
    (tmp_path / "weights.hdf5").write_text("none", encoding="utf-8")
    with pytest.raises(ModelError, match=r"weights\.hdf5: expected the weights as HDF5"):
        load(tmp_path)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    save_elmo(tmp_path)
    with h5py.File(tmp_path / "weights.hdf5", "a") as file:
        del file["char_embed"]
        file["char_embed"] = np.full((261, 3), b"none")
    with pytest.raises(ModelError, match="char_embed: expected numbers"):
        load(tmp_path)


def test_without_h5py_the_extra_is_named(tiny_elmo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'dovetail\[elmo\]'"):
        load(tiny_elmo)
