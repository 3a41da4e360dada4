"""Model folders that were made to do harm, or that a disk has damaged in odd ways.

All are refused by a sentence, in under two seconds and with less than a gigabyte of memory.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.hostile import make_device, make_fifo

from dovetail.errors import DovetailError, ModelError
from dovetail.saved.ensemble_folder import load_predictor, save_ensemble
from dovetail.saved.model_folder import load_model

THRESHOLDS = "relation_head.thresholds"


@pytest.fixture
def folder(trained_model: Path, tmp_path: Path) -> Path:
    """A saved model that a test may damage."""
    return Path(shutil.copytree(trained_model, tmp_path / "model"))


def change_weights(folder: Path, **tensors: torch.Tensor | None) -> None:
    path = folder / "weights.safetensors"
    state = {**load_file(path), **tensors}
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, path)


def change_description(folder: Path, **values: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


def change_encoder(folder: Path, place: int, **values: object) -> None:
    encoders = json.loads((folder / "model.json").read_text("utf-8"))["encoders"]
    encoders[place] |= values
    change_description(folder, encoders=encoders)


def change_config(folder: Path, old: str, new: str) -> None:
    path = folder / "network.toml"
    text, count = re.subn(old, new, path.read_text("utf-8"), count=1, flags=re.M)
    assert count == 1, old
    path.write_text(text, encoding="utf-8")


def change_words(folder: Path, word: str) -> None:
    path = folder / "characters-0.txt"
    path.write_text(f"{word}\n{path.read_text('utf-8').partition(chr(10))[2]}", "utf-8")


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.int32, torch.bool])
def test_weights_of_another_type_are_refused_by_name(folder: Path, dtype: torch.dtype) -> None:
    for name in load_file(folder / "weights.safetensors"):
        if name != THRESHOLDS:
            break
    change_weights(folder, **{name: load_file(folder / "weights.safetensors")[name].to(dtype)})
    with pytest.raises(ModelError, match=rf"the tensor {re.escape(name)} has numbers of the type"):
        load_model(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused_by_name(folder: Path, value: float) -> None:
    state = load_file(folder / "weights.safetensors")
    for name in list(state)[::5]:
        damaged = state[name].clone()
        damaged.view(-1)[-1] = value
        save_file({**state, name: damaged}, folder / "weights.safetensors")
        with pytest.raises(ModelError, match=rf"the tensor {re.escape(name)} holds numbers that"):
            load_model(folder)


@pytest.mark.parametrize("value", [-5.0, 1.001, 1e38, -1e-3, 3.0])
def test_thresholds_that_are_no_probabilities_are_refused(folder: Path, value: float) -> None:
    change_weights(folder, **{THRESHOLDS: torch.tensor([0.5, value, 0.5])})
    with pytest.raises(ModelError, match=rf"{THRESHOLDS} holds .*expected probabilities"):
        load_model(folder)


@pytest.mark.parametrize("value", [0.0, 1.0, 2.0])
def test_thresholds_of_relations_that_were_not_learned_are_read(folder: Path, value: float) -> None:
    change_weights(folder, **{THRESHOLDS: torch.full((3,), value)})
    assert load_model(folder).model.relation_head.thresholds.tolist() == [value] * 3


@pytest.mark.parametrize("version", [1.0, True, "1", None, [1], float("nan")])
def test_version_that_is_no_whole_number_is_refused(folder: Path, version: object) -> None:
    change_description(folder, version=version)
    with pytest.raises(ModelError, match="expected the version of its format as a whole number"):
        load_model(folder)
    change_description(folder, format="dovetail-ensemble")
    with pytest.raises(ModelError, match="expected the version of its format as a whole number"):
        load_predictor(folder)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"layers": "x"}, "encoder 0 is described by layers"),
        ({"hidden_dim": 2**40}, "encoder 0 is described by hidden_dim = 1099511627776, and in"),
        ({"characters": "abc"}, "'characters' is described by no list of texts"),
        ({"characters": [1, 2]}, "'characters' is described by no list of texts"),
        ({"characters": {"file": "../secret"}}, "the name of a file of words, as words-1.txt"),
        ({"characters": {"file": 7}}, "the name of a file of words, as words-1.txt"),
        ({"characters": {"file": "characters-0.txt", "count": 3}}, "expected 3 words, one a line"),
        ({"characters": {"file": "characters-0.txt"}}, "expected None words, one a line"),
        ({"dropout": float("nan")}, "encoder 0 is described by dropout"),
        ({"kind": "glyphs"}, 'encoder 0 is described by kind = "glyphs"'),
    ],
    ids=str,
)
def test_encoder_that_is_not_that_of_the_config_is_refused(
    folder: Path, values: dict[str, object], said: str
) -> None:
    if "layers" in values:
        change_config(folder, r'kind = "characters".*?}', 'kind = "pretrained", layers = "mix" }')
        values = {"kind": "pretrained", **values}
    change_encoder(folder, 0, **values)
    with pytest.raises(ModelError, match=f"is damaged: .*{re.escape(said)}"):
        load_model(folder)


def many_tensors(folder: Path) -> None:
    """A million tensors of no number, in a header of some ninety megabytes."""
    entry = '"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = ("{" + ",".join(entry % number for number in range(1_000_000)) + "}").encode()
    (folder / "weights.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


def large_vocabulary(folder: Path) -> None:
    """Word vectors of 10^12 numbers, of which the weights have none."""
    change_config(folder, r'kind = "casing"', 'kind = "static", path = "vectors.txt"')
    words = [f"word{number}" for number in range(100_000)]
    values = {"words": words, "dim": 10**7, "lowercase": True, "dropout": 0.0}
    change_encoder(folder, 1, **({"kind": "static"} | values))


def layers(count: int, width: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        change_config(folder, r"^shared_layers = .*", f"shared_layers = {count}")
        change_config(folder, r"^hidden_dim = .*", f"hidden_dim = {width}")

    return change


def replaced(name: str, make: Callable[[Path, str], Path]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder, name)

    return change


def written(name: str, content: Callable[[], str]) -> Callable[[Path], None]:
    return lambda folder: void((folder / name).write_text(content(), encoding="utf-8"))


def void(_: object) -> None:
    """Nothing."""


def ensemble(count: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        members = [
            {"folder": f"members/{n}", "name": "m", "sha256": f"{n:064x}"} for n in range(count)
        ]
        change_description(folder, format="dovetail-ensemble", version=1, members=members)

    return change


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a million tensors": (many_tensors, "its list of tensors has .* bytes, expected at most"),
    "10^12 numbers": (large_vocabulary, r"ask for a tensor of 100001 x 10000000 numbers"),
    "layers": (layers(100_000, 1), "shared_layers: expected an integer from 0 to 128"),
    "width": (layers(1, 10**7), "hidden_dim: expected an integer from 1 to 16384"),
    "wide layers": (layers(128, 16_384), "ask for a tensor of .* far more than weights"),
    "many layers": (layers(128, 4), "the saved weights do not fit this model"),
    "levels": (written("model.json", lambda: "[" * 985 + "]" * 985), "more than 100 tables"),
    "open levels": (written("model.json", lambda: '{"a":' * 10**6), "more than 100 tables"),
    "keys": (
        written("model.json", lambda: "{" + '"a":1,' * 1_500_000 + '"b":1}'),
        "more than 4,000,000 values",
    ),
    "empty tables": (
        written("model.json", lambda: f"[{'{},' * (10**6 + 1)}0]"),
        "1,000,000 tables",
    ),
    "digits": (written("model.json", lambda: f'{{"version": {"9" * 4300}}}'), "4,300 digits"),
    "TOML keys": (
        written("network.toml", lambda: "\n".join(f"key{n} = 1" for n in range(60_000))),
        "60,000 problems",
    ),
    "more TOML keys": (
        written("network.toml", lambda: "\n".join(f"key{n} = 1" for n in range(10**6))),
        "at most 1,048,576 are read",
    ),
    "TOML levels": (written("network.toml", lambda: "a." * 1000 + "a = 1"), "more than 100 tables"),
    "description is a FIFO": (replaced("model.json", make_fifo), "found a FIFO"),
    "config is a FIFO": (replaced("network.toml", make_fifo), "found a FIFO"),
    "weights are a FIFO": (replaced("weights.safetensors", make_fifo), "found a FIFO"),
    "words are a FIFO": (replaced("characters-0.txt", make_fifo), "found a FIFO"),
    "too many words": (
        written("characters-0.txt", lambda: "a\n" * (1 << 25) + "\n"),
        "at most 67,108,864 are read",
    ),
    "an escape of nothing": (
        lambda folder: change_words(folder, "\\"),
        r"characters-0.txt:1: expected an escape",
    ),
    "an escape beyond Unicode": (
        lambda folder: change_words(folder, "\\Uffffffff"),
        r"characters-0.txt:1: expected an escape",
    ),
    "description never ends": (replaced("model.json", make_device), "found a device"),
    "weights never end": (replaced("weights.safetensors", make_device), "found a device"),
    "members": (ensemble(3000), "3,000 members; expected at most 100"),
    "a member named NUL": (
        lambda folder: change_description(
            folder,
            format="dovetail-ensemble",
            version=1,
            members=[{"folder": "members/\0", "name": "m", "sha256": ""}],
        ),
        "expected a member within the folder",
    ),
    "types": (
        lambda folder: change_description(
            folder, schema={"entity_types": list(map(str, range(100_000))), "relation_types": []}
        ),
        "expected at most 1,000 types, found 100,000",
    ),
    "many types": (
        lambda folder: change_description(
            folder,
            schema={
                "entity_types": [f"E{n}" for n in range(1_000)],
                "relation_types": ["a", "b", "c"],
            },
        ),
        "these are not the weights of 1,000 entity types",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_folder_is_refused_by_a_sentence(name: str, folder: Path) -> None:
    change, said = HOSTILE[name]
    change(folder)
    with pytest.raises(DovetailError, match=said) as caught:
        load_predictor(folder)
    assert len(str(caught.value)) < 10_000


MEASURED = """
import re, resource, sys, time
from dovetail.errors import DovetailError
from dovetail.saved.ensemble_folder import load_predictor
for folder in sys.argv[1:]:
    started = time.process_time()
    try:
        load_predictor(__import__("pathlib").Path(folder))
    except DovetailError:
        seconds = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if sys.platform == "linux":  # where that is what the parent had before the exec, if more
            peak = re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]
        print(f"{folder}\t{seconds:.3f}\t{peak}")
"""


def test_hostile_folders_take_little_time_and_memory(trained_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("resource")
    for name, (change, _) in HOSTILE.items():
        change(Path(shutil.copytree(trained_model, tmp_path / name)))
    folders = [str(tmp_path / name) for name in HOSTILE]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *folders],
        capture_output=True,
        check=True,
        text=True,
        timeout=300,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [folder for folder, _, _ in rows] == folders
    slow = [(folder, seconds) for folder, seconds, _ in rows if float(seconds) > 2]
    large = [(folder, peak) for folder, _, peak in rows if int(peak) > 1 << 20]
    assert not slow
    assert not large  # in kilobytes


def test_ensemble_lists_each_model_once(trained_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected at most 100 models, found 101"):
        save_ensemble(tmp_path / "ensemble", [trained_model] * 101)
    folder = Path(shutil.copytree(trained_model, tmp_path / "model"))
    row = {"folder": "members/1", "name": "m", "sha256": "0"}
    change_description(folder, format="dovetail-ensemble", version=1, members=[row, row])
    with pytest.raises(ModelError, match="the folder 'members/1' is listed 2 times"):
        load_predictor(folder)
