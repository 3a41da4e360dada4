from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.corpus import SENTENCES
from tests.networks import ENCODERS, pretrained, talkative_model, tiny_config

from dovetail.config import load_config
from dovetail.errors import ModelError
from dovetail.extractor import Extractor
from dovetail.model.joint import JointModel
from dovetail.saved.model_folder import load_model, save_model
from dovetail.strategies import DepthSharingConfig


@pytest.fixture
def folder(trained_model: Path, tmp_path: Path) -> Path:
    """A saved model that a test may damage."""
    return Path(shutil.copytree(trained_model, tmp_path / "model"))


def assert_same_predictions(first: JointModel, second: JointModel) -> None:
    ours = Extractor(first).annotate(SENTENCES)
    theirs = Extractor(second).annotate(SENTENCES)
    assert ours == theirs
    assert any(sentence.relations for sentence in ours)
    for own, other in zip(ours, theirs, strict=True):
        assert [entity.confidence for entity in own.sorted_entities] == [
            entity.confidence for entity in other.sorted_entities
        ]


def test_saved_model_is_loaded_with_the_same_bits_and_predictions(tmp_path: Path) -> None:
    model, config = talkative_model(), tiny_config()
    save_model(tmp_path / "model", model, config)
    saved = load_model(tmp_path / "model")
    assert saved.config == config
    assert saved.model.schema == model.schema
    assert not saved.model.training
    assert_same_predictions(model, saved.model)
    stored = model.stored_state()
    found = load_file(tmp_path / "model" / "weights.safetensors")
    assert found.keys() == stored.keys()
    assert all(torch.equal(found[name], stored[name]) for name in stored)


@pytest.mark.parametrize("copied", [True, False])
def test_trained_layers_of_an_encoder_are_stored_in_half_precision(
    copied: bool, pretrained_folder: Path, tmp_path: Path
) -> None:
    sharing = DepthSharingConfig(hidden_dim=6, cell="pretrained" if copied else "gru")
    encoder = pretrained(pretrained_folder, trained_layers=0 if copied else 2)
    config = tiny_config(encoders=(*ENCODERS, encoder), sharing=sharing)
    model = talkative_model(config)
    save_model(tmp_path / "model", model, config)
    stored, found = model.stored_state(), load_file(tmp_path / "model" / "weights.safetensors")
    assert found.keys() == stored.keys()
    halved = {name for name, tensor in found.items() if tensor.dtype == torch.float16}
    assert halved == model.pretrained_names
    assert len(halved) == 16 * (4 if copied else 2)
    assert all(torch.equal(found[name], stored[name].to(found[name].dtype)) for name in stored)
    again = load_model(tmp_path / "model").model
    assert {tensor.dtype for tensor in again.stored_state().values()} == {torch.float32}
    save_model(tmp_path / "again", again, config)
    assert_same_predictions(again, load_model(tmp_path / "again").model)


@pytest.mark.parametrize("kind", ["pretrained_folder", "mpnet_folder"])
@pytest.mark.parametrize(
    ("trained_layers", "cell"), [(0, "gru"), (1, "gru"), ("all", "gru"), (0, "pretrained")]
)
def test_model_on_lower_layers_holds_none_above_and_says_the_same_when_loaded(
    trained_layers: int | str,
    cell: str,
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    own = {"shared_layers": 1, "entity_layers": 1, "relation_layers": 1}
    sharing = DepthSharingConfig(hidden_dim=6, cell=cell, **own)
    encoder = pretrained(
        request.getfixturevalue(kind), layers_read=2, trained_layers=trained_layers
    )
    config = tiny_config(encoders=(*ENCODERS, encoder), sharing=sharing)
    save_model(tmp_path / "model", talkative_model(config), config)
    saved = load_model(tmp_path / "model")
    assert not any(".layer.2." in name for name, _ in saved.model.named_parameters())
    assert saved.config == config
    save_model(tmp_path / "again", saved.model, config)
    assert_same_predictions(saved.model, load_model(tmp_path / "again").model)
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert f"pretrained (`{encoder.name}`, its lower 2 layers)" in card


def test_model_that_says_that_other_layers_are_read_is_refused(
    pretrained_folder: Path, tmp_path: Path
) -> None:
    config = tiny_config(encoders=(*ENCODERS, pretrained(pretrained_folder, layers_read=2)))
    save_model(tmp_path / "model", talkative_model(config), config)
    path = tmp_path / "model" / "model.json"
    for other in (3, "2", None, True):
        description = json.loads(path.read_text("utf-8"))
        description["encoders"][-1]["layers_read"] = other
        path.write_text(json.dumps(description), encoding="utf-8")
        with pytest.raises(ModelError, match="is described by layers_read"):
            load_model(tmp_path / "model")


def test_trained_model_says_the_same_after_another_round_trip(folder: Path, tmp_path: Path) -> None:
    first = load_model(folder)
    save_model(tmp_path / "again", first.model, first.config)
    assert_same_predictions(first.model, load_model(tmp_path / "again").model)
    weights = [path / "weights.safetensors" for path in (folder, tmp_path / "again")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_folder_holds_tensors_and_text_alone(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("README.md", "characters-0.txt", "config.toml", "model.json", "network.toml"),
        "weights.safetensors",
    }
    load_config(folder / "config.toml")
    assert json.loads((folder / "model.json").read_text("utf-8"))["format"] == "dovetail-model"
    modes = {path.stat().st_mode for path in folder.iterdir()}
    assert len(modes) == 1  # whoever may read one of the files may read all


def test_card_names_types_data_and_dev_scores(folder: Path) -> None:
    card = (folder / "README.md").read_text("utf-8")
    for word in ("`Person`", "`lives_in`: Person → Place", "train.jsonl", "dev set"):
        assert word in card


def test_saving_over_a_model_replaces_it_whole(folder: Path) -> None:
    (folder / "README.md").write_text("of the model before", encoding="utf-8")
    save_model(folder, talkative_model(), tiny_config())
    assert "of the model before" not in (folder / "README.md").read_text("utf-8")
    assert load_model(folder).config == tiny_config()


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ModelError, match=r"could not write the model .*file/model"):
        save_model(tmp_path / "file" / "model", talkative_model(), tiny_config())


@pytest.mark.parametrize("name", ["model.json", "network.toml", "weights.safetensors"])
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"is not a saved model: it has no {name}"):
        load_model(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"version": 1}'])
def test_damaged_description_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    with pytest.raises(ModelError, match="is damaged"):
        load_model(folder)


@pytest.mark.parametrize("kept", [0, 7, 200, -1])
def test_damaged_weights_are_refused(folder: Path, kept: int) -> None:
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(ModelError, match="is damaged"):
        load_model(folder)


def test_weights_of_another_model_are_refused(folder: Path) -> None:
    weights = load_file(folder / "weights.safetensors")
    weights["relation_head.thresholds"] = torch.ones(7)
    save_file(weights, folder / "weights.safetensors")
    with pytest.raises(
        ModelError, match=r"relation_head\.thresholds of shape \(3,\), found \(7,\)"
    ):
        load_model(folder)


def edit(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    description = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**description, **changes}), encoding="utf-8")


def test_newer_format_says_which_version_to_install(folder: Path) -> None:
    edit(folder, version=99, dovetail="7.0")
    with pytest.raises(ModelError, match=r"format version 99.*install .*\(7\.0\)"):
        load_model(folder)


def test_unknown_encoder_is_refused(folder: Path) -> None:
    encoders = json.loads((folder / "model.json").read_text("utf-8"))["encoders"]
    edit(folder, encoders=[{"kind": "glyphs"}, *encoders[1:]])
    with pytest.raises(ModelError, match='is damaged: encoder 0 is described by kind = "glyphs"'):
        load_model(folder)


@pytest.mark.parametrize(
    "encoders",
    [
        ["characters"],
        [{"kind": "characters", "characters": ["a"], "embedding_dim": -1, "hidden_dim": 4}],
        [{"kind": "brown", "words_by_path": [], "prefixes": [4], "whole_path": True}],
        [{"kind": ["casing"]}],
        {},
        7,
    ],
    ids=str,
)
def test_encoders_of_another_form_are_refused(folder: Path, encoders: object) -> None:
    defaults = {"dropout": 0.0, "embedding_dim": 4}
    if isinstance(encoders, list):
        encoders = [defaults | own if isinstance(own, dict) else own for own in encoders]
    edit(folder, encoders=encoders)
    with pytest.raises(ModelError, match=r"is damaged"):
        load_model(folder)


@pytest.fixture
def on_bert(pretrained_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A saved model, and the folder of the frozen encoder that it stands on."""
    bert = Path(shutil.copytree(pretrained_folder, tmp_path / "bert"))
    config = tiny_config(encoders=(pretrained(bert), *ENCODERS))
    save_model(tmp_path / "model", talkative_model(config), config)
    return tmp_path / "model", bert


def test_frozen_encoder_is_named_and_not_stored(on_bert: tuple[Path, Path]) -> None:
    folder, bert = on_bert
    assert not any("transformer" in name for name in load_file(folder / "weights.safetensors"))
    description = json.loads((folder / "model.json").read_text("utf-8"))
    assert description["encoders"][0]["name"] == str(bert)
    assert len(description["encoders"][0]["sha256"]) == 64
    assert load_model(folder)


def test_encoder_that_is_not_the_same_any_more_is_refused(on_bert: tuple[Path, Path]) -> None:
    folder, bert = on_bert
    weights = load_file(bert / "model.safetensors")
    name = sorted(weights)[0]
    weights[name] = weights[name] + 1e-3
    save_file(weights, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"digest|SHA-256|sha256"):
        load_model(folder)


def test_encoder_that_is_gone_is_named(on_bert: tuple[Path, Path]) -> None:
    folder, bert = on_bert
    shutil.rmtree(bert)
    with pytest.raises(ModelError, match="bert"):
        load_model(folder)


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("keep me", "utf-8")
    with pytest.raises(ModelError, match=r"dear\.txt"):
        save_model(tmp_path / "letters", talkative_model(), tiny_config())
    assert (tmp_path / "letters" / "dear.txt").read_text("utf-8") == "keep me"


def test_cards_show_names_and_types_without_control_characters(tmp_path: Path) -> None:
    model = talkative_model()
    config = tiny_config().model_copy(update={"name": "run\x1b]0;owned\x07\u202e"})
    save_model(tmp_path / "model", model, config)
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# run␛]0;owned␇\\u202e\n")
