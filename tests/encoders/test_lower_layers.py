"""An encoder that is read up to a layer is what the whole one is up to there, and nothing more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.encoders.conftest import TINY, save_tiny
from torch import Tensor
from transformers import AutoConfig

from dovetail.config import parse_config
from dovetail.encoders import PretrainedEncoder, Transformer
from dovetail.encoders.shared_weights import share_equal
from dovetail.errors import ConfigError, ModelError

SENTENCES = [["The", "wooden", "joints", "."], ["woodens", "the", "joint", "."] * 8, ["the"]]
EXACT = {"rtol": 0.0, "atol": 1e-5}
SPECIAL = {"bos_token_id": 0, "eos_token_id": 0, "cls_token_id": 0, "sep_token_id": 0}
KINDS: dict[str, dict[str, object]] = {
    "bert": {},
    "roberta": {},
    "electra": {"embedding_size": 16},
    "distilbert": {},
    "mpnet": {},
    "deberta-v2": {"relative_attention": True},
    "modernbert": SPECIAL,  # one more norm follows its last layer
    "megatron-bert": {},  # likewise
    "xlm": {},  # lists of the same parts of all layers
}


@pytest.fixture
def folder(request: pytest.FixtureRequest, tiny_bert: Path, tmp_path: Path) -> Path:
    """A folder with a tiny model of a kind."""
    kind = request.param
    config = AutoConfig.for_model(kind, **TINY | {"max_position_embeddings": 40} | KINDS[kind])
    return save_tiny(config, tiny_bert, tmp_path / kind)


def load(folder: Path, **options: object) -> PretrainedEncoder:
    return PretrainedEncoder(Transformer.load(str(folder), precision="fp32", **options))


def states(encoder: PretrainedEncoder) -> Tensor:
    return encoder.states(encoder.featurise(SENTENCES))


def weights(encoder: PretrainedEncoder) -> dict[str, int]:
    return {name: own.numel() for name, own in encoder.transformer.named_parameters()}


@pytest.mark.parametrize("layers_read", [1, 2, 3])
@pytest.mark.parametrize("folder", KINDS, indirect=True)
def test_lower_layers_are_those_of_the_whole_encoder(folder: Path, layers_read: int) -> None:
    whole, lower = load(folder), load(folder, layers_read=layers_read)
    expected = states(whole)[:, :, : layers_read + 1]
    torch.testing.assert_close(states(lower), expected, **EXACT)
    assert weights(lower).items() <= weights(whole).items()
    assert (weights(lower) == weights(whole)) == (layers_read == 3)
    last = PretrainedEncoder(lower.transformer, layers="last")
    torch.testing.assert_close(states(last), expected[:, :, -1:], **EXACT)


@pytest.mark.parametrize("folder", ["bert", "mpnet", "distilbert"], indirect=True)
def test_what_lies_above_is_not_there(folder: Path) -> None:
    whole, lower = weights(load(folder)), weights(load(folder, layers_read=1))
    layers = [f".layer.{place}." for place in range(3)]
    size = sum(number for name, number in whole.items() if layers[0] in name)
    assert sum(whole.values()) - sum(lower.values()) == 2 * size
    assert not any(above in name for name in lower for above in layers[1:])


@pytest.mark.parametrize("folder", ["bert", "modernbert", "mpnet"], indirect=True)
def test_multiply_adds_go_with_the_layers_read(folder: Path) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    counted = []
    for layers_read in (1, 2, 3):
        encoder = load(folder, layers_read=layers_read)
        with FlopCounterMode(display=False) as counter:
            states(encoder)
        counted.append(counter.get_total_flops())
    first, second, third = counted
    assert second - first == third - second > 0


@pytest.mark.parametrize("folder", ["bert", "mpnet", "deberta-v2"], indirect=True)
@pytest.mark.parametrize("trained_layers", [1, 2, "all"])
def test_trained_layers_are_the_top_ones_of_those_read(
    folder: Path, trained_layers: int | str
) -> None:
    encoder = load(folder, layers_read=2, trained_layers=trained_layers)
    trained = {name for name, own in encoder.transformer.named_parameters() if own.requires_grad}
    places = {0, 1} if trained_layers == "all" else set(range(2 - trained_layers, 2))
    found = {place for name in trained for place in range(3) if f".layer.{place}." in name}
    assert found == places
    assert any("embeddings" in name for name in trained) == (trained_layers == "all")
    above = encoder.layers_above()
    assert {above[name] for name in above if ".layer.1." in name} == {0}
    whole = states(load(folder.absolute()))[:, :, :3]
    encoder.eval()
    read = encoder(encoder.featurise(SENTENCES))
    torch.testing.assert_close(read, whole.mean(dim=2), **EXACT)


@pytest.mark.parametrize("folder", ["bert", "modernbert", "mpnet"], indirect=True)
@pytest.mark.parametrize("trained_layers", [0, 1, "all"])
def test_saved_encoder_of_lower_layers_gives_the_same_vectors(
    folder: Path, trained_layers: int | str
) -> None:
    encoder = load(folder, layers_read=2, trained_layers=trained_layers).eval()
    with torch.no_grad():
        for weight in encoder.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight))
    stored = encoder.stored_state()
    assert not any(f".layer{s}.2." in name for name in stored for s in ("", "s"))
    again = PretrainedEncoder.from_assets(json.loads(json.dumps(encoder.assets())))
    again.load_stored_state(stored)
    features = encoder.featurise(SENTENCES)
    assert torch.equal(again.eval()(features), encoder(features))


@pytest.mark.parametrize("folder", ["bert", "mpnet"], indirect=True)
def test_layers_handed_on_are_the_top_ones_of_those_read(folder: Path) -> None:
    encoder = load(folder, layers_read=2)
    expected = states(encoder)
    (layer,) = encoder.hand_on(1)
    assert layer.layers_above == 0
    pieces = encoder.piece_states(encoder.with_states(encoder.featurise(SENTENCES)))
    pooled = pieces.through(layer.eval()).pooled()
    torch.testing.assert_close(pooled, expected[:, :, 2], **EXACT)
    with pytest.raises(ModelError, match="has 2 layers, as many as layers_read says, and the plan"):
        load(folder, layers_read=2).hand_on(3)


def test_assets_of_older_models_read_all_layers(tiny_bert: Path) -> None:
    assets = load(tiny_bert).assets()
    del assets["layers_read"]
    assert PretrainedEncoder.from_assets(assets).transformer.num_states == 4


@pytest.mark.parametrize("layers_read", [0, 4, 10**9])
def test_more_layers_than_there_are_cannot_be_read(tiny_bert: Path, layers_read: int) -> None:
    said = f"has 3 layers; cannot read the lower {layers_read} of them: set layers_read to 1 to 3"
    with pytest.raises(ModelError, match=said):
        load(tiny_bert, layers_read=layers_read)


def test_more_layers_than_are_read_cannot_be_trained(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="has 2 layers, as many as layers_read says; cannot train"):
        load(tiny_bert, layers_read=2, trained_layers=3)
    section = {"kind": "pretrained", "layers_read": 2, "trained_layers": 3}
    with pytest.raises(ConfigError, match=r"encoders.0.trained_layers.*train at most 2"):
        parse_config({"data": {"train": "x"}, "encoders": [section]})


def test_layers_that_cannot_be_told_apart_are_not_left_out(tiny_bert: Path, tmp_path: Path) -> None:
    config = AutoConfig.for_model("albert", **TINY, embedding_size=16)  # one layer, run three times
    folder = save_tiny(config, tiny_bert, tmp_path / "albert")
    assert load(folder, layers_read=3).transformer.num_states == 4
    for layers_read in (1, 2):
        with pytest.raises(ModelError, match="so none of them can be left out"):
            load(folder, layers_read=layers_read)


def test_models_that_read_different_layers_share_the_common_ones(tiny_bert: Path) -> None:
    whole, lower = load(tiny_bert), load(tiny_bert, layers_read=1)
    frozen = sum(own.nbytes for own in lower.transformer.parameters())
    assert share_equal([whole, lower]) == frozen
    assert states(lower).shape[2] == 2
