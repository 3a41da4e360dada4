"""ELMo in plain loops from the papers' equations, and tiny models in the published format.

Kim et al. (2016) for the characters, Józefowicz et al. (2016) and Peters et al. (2018) for the
rest: character by character, step by step, one sentence at a time, in double precision, with no
padding but that of words.  Nothing of `dovetail.encoders` is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OPTIONS: dict[str, Any] = {
    "lstm": {
        "use_skip_connections": True,
        "projection_dim": 4,
        "cell_clip": 0.8,
        "proj_clip": 0.6,
        "dim": 6,
        "n_layers": 2,
    },
    "char_cnn": {
        "activation": "relu",
        "filters": [[1, 3], [2, 4], [4, 5]],
        "n_highway": 2,
        "embedding": {"dim": 3},
        "n_characters": 262,
        "max_characters_per_token": 12,
    },
    "n_tokens_vocab": 793471,  # of the training, which the encoder does not read
}


def options_with(
    *, lstm: Mapping[str, Any] | None = None, char_cnn: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`OPTIONS` with other values."""
    sections = {"lstm": lstm or {}, "char_cnn": char_cnn or {}}
    return {**OPTIONS, **{name: OPTIONS[name] | new for name, new in sections.items()}}


def save_elmo(folder: Path, options: Mapping[str, Any] = OPTIONS, *, seed: int = 1) -> Path:
    """Write ``options.json`` and ``weights.hdf5`` of random weights, wide enough to be clipped."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "options.json").write_text(json.dumps(options), encoding="utf-8")
    with h5py.File(folder / "weights.hdf5", "w") as file:
        for name, shape in shapes(options).items():
            file[name] = random.normal(scale=0.7, size=shape).astype(np.float32)
        file["softmax/W"] = np.zeros((2, 2), dtype=np.float32)
    return folder


def shapes(options: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The data sets of the published files."""
    lstm, characters = options["lstm"], options["char_cnn"]
    dim, cells = lstm["projection_dim"], lstm["dim"]
    width_in = characters["embedding"]["dim"]
    filters = sum(number for _, number in characters["filters"])
    found: dict[str, tuple[int, ...]] = {"char_embed": (261, width_in)}
    for index, (width, number) in enumerate(characters["filters"]):
        found[f"CNN/W_cnn_{index}"] = (1, width, width_in, number)
        found[f"CNN/b_cnn_{index}"] = (number,)
    for index in range(characters["n_highway"]):
        for name in ("carry", "transform"):
            found[f"CNN_high_{index}/W_{name}"] = (filters, filters)
            found[f"CNN_high_{index}/b_{name}"] = (filters,)
    found |= {"CNN_proj/W_proj": (filters, dim), "CNN_proj/b_proj": (dim,)}
    for direction in range(2):
        for layer in range(lstm["n_layers"]):
            cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
            found[f"{cell}/W_0"] = (2 * dim, 4 * cells)
            found[f"{cell}/B"] = (4 * cells,)
            found[f"{cell}/W_P_0"] = (cells, dim)
    return found


def restated_states(folder: Path, words: Sequence[str]) -> Array:
    """All layers of one sentence: (tokens, layers, 2 * projection_dim)."""
    options = json.loads((folder / "options.json").read_text(encoding="utf-8"))
    with h5py.File(folder / "weights.hdf5") as file:
        weights = {name: file[name][...].astype(np.float64) for name in shapes(options)}
    spellings = [[256], *(list(word.encode("utf-8", "ignore")) for word in words), [257]]
    tokens = [_word_vector(spelling, weights, options["char_cnn"]) for spelling in spellings]
    ahead = _layers(tokens, weights, options["lstm"], direction=0)
    behind = _layers(tokens[::-1], weights, options["lstm"], direction=1)
    layers = [[np.concatenate([token, token]) for token in tokens]]
    for forwards, backwards in zip(ahead, behind, strict=True):
        both = zip(forwards, backwards[::-1], strict=True)
        layers.append([np.concatenate(pair) for pair in both])
    return np.array(layers).transpose(1, 0, 2)[1:-1]


def _word_vector(
    spelling: Sequence[int], weights: Mapping[str, Array], options: Mapping[str, Any]
) -> Array:
    limit = options["max_characters_per_token"]
    marked = [258, *spelling[: limit - 2], 259]
    characters = [weights["char_embed"][id] for id in marked + [260] * (limit - len(marked))]
    activation = {"relu": lambda value: max(value, 0.0), "tanh": np.tanh}[options["activation"]]
    features = []
    for index, (width, number) in enumerate(options["filters"]):
        kernel, bias = weights[f"CNN/W_cnn_{index}"][0], weights[f"CNN/b_cnn_{index}"]
        for filter in range(number):
            values = []
            for start in range(limit - width + 1):
                value = bias[filter]
                for place in range(width):
                    value += characters[start + place] @ kernel[place, :, filter]
                values.append(activation(value))
            features.append(max(values))
    vector = np.array(features)
    for index in range(options["n_highway"]):
        high = {name: weights[f"CNN_high_{index}/{name}"] for name in HIGHWAY}
        gate = _sigmoid(vector @ high["W_carry"] + high["b_carry"])
        changed = np.maximum(vector @ high["W_transform"] + high["b_transform"], 0.0)
        vector = gate * changed + (1.0 - gate) * vector
    return vector @ weights["CNN_proj/W_proj"] + weights["CNN_proj/b_proj"]


HIGHWAY = ("W_carry", "b_carry", "W_transform", "b_transform")


def _layers(
    tokens: Sequence[Array],
    weights: Mapping[str, Array],
    options: Mapping[str, Any],
    direction: int,
) -> list[list[Array]]:
    found: list[list[Array]] = []
    for layer in range(options["n_layers"]):
        cell = f"RNN_{direction}/RNN/MultiRNNCell/Cell{layer}/LSTMCell"
        state, memory = np.zeros(options["projection_dim"]), np.zeros(options["dim"])
        outputs = []
        for token in tokens:
            gates = np.concatenate([token, state]) @ weights[f"{cell}/W_0"] + weights[f"{cell}/B"]
            i, j, f, o = np.split(gates, 4)
            memory = _sigmoid(f + 1.0) * memory + _sigmoid(i) * np.tanh(j)
            memory = _clip(memory, options.get("cell_clip"))
            state = (_sigmoid(o) * np.tanh(memory)) @ weights[f"{cell}/W_P_0"]
            state = _clip(state, options.get("proj_clip"))
            skip = options["use_skip_connections"] and layer > 0
            outputs.append(token + state if skip else state)
        found.append(outputs)
        tokens = outputs
    return found


def _sigmoid(values: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-values))


def _clip(values: Array, limit: float | None) -> Array:
    return values if limit is None else np.clip(values, -limit, limit)
