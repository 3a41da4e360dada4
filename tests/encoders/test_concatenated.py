from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dovetail.config.sections.encoder_sections import SECTIONS
from dovetail.config.structure import kind_of
from dovetail.encoders import (
    BrownEncoder,
    CasingEncoder,
    CharacterEncoder,
    ConcatenatedEncoder,
    ElmoEncoder,
    PretrainedEncoder,
    StaticEncoder,
    Transformer,
    WordVectors,
)
from dovetail.errors import ModelError
from dovetail.text.vocabulary import Vocabulary

SENTENCES = [["The", "wooden", "joints"], ["oak"]]


@pytest.fixture
def encoder(tiny_bert: Path, tiny_elmo: Path) -> ConcatenatedEncoder:
    torch.manual_seed(1)
    half = np.float16
    word_vectors = WordVectors(["oak"], np.ones((1, 2), dtype=half), np.zeros(2, dtype=half))
    return ConcatenatedEncoder(
        [
            PretrainedEncoder(Transformer.load(str(tiny_bert), precision="fp32")),
            StaticEncoder(word_vectors),
            BrownEncoder({"oak": "0110"}, prefixes=(2,), embedding_dim=3),
            CharacterEncoder(Vocabulary("oak"), hidden_dim=4),
            CasingEncoder(),
            ElmoEncoder.load(tiny_elmo / "options.json", tiny_elmo / "weights.hdf5"),
        ]
    )


def test_vectors_stand_side_by_side(encoder: ConcatenatedEncoder) -> None:
    features = encoder.featurise(SENTENCES)
    vectors = encoder(features)
    assert vectors.shape == (2, 3, encoder.output_dim) == (2, 3, 16 + 2 + 6 + 8 + 7 + 8)
    start = 0
    for part, own in zip(encoder, features, strict=True):
        assert torch.equal(vectors[..., start : start + part.output_dim], part(own))
        start += part.output_dim


def test_only_frozen_networks_have_states_to_cache(encoder: ConcatenatedEncoder) -> None:
    features = encoder.featurise(SENTENCES)
    states = encoder.states(features)
    assert [state is not None for state in states] == [True, False, False, False, False, True]
    cached = [{"states": states[0]}, *features[1:5], {"states": states[5]}]
    assert torch.equal(encoder(cached), encoder(features))


def test_every_kind_survives_saving(encoder: ConcatenatedEncoder) -> None:
    assets = json.loads(json.dumps(encoder.assets()))
    assert {own["kind"] for own in assets} == {kind_of(own) for own in SECTIONS}
    again = ConcatenatedEncoder.from_assets(assets)
    again.load_stored_state(encoder.stored_state())
    assert torch.equal(again(again.featurise(SENTENCES)), encoder(encoder.featurise(SENTENCES)))


def test_frozen_pretrained_weights_are_not_stored(encoder: ConcatenatedEncoder) -> None:
    names = set(encoder.stored_state())
    assert {name for name in names if name.startswith("0.")} == {"0.join.logits", "0.join.scale"}
    assert {name for name in names if name.startswith("5.")} == {"5.join.logits", "5.join.scale"}
    assert "1.vectors" in names


def test_state_that_does_not_fit_is_refused(encoder: ConcatenatedEncoder) -> None:
    state = encoder.stored_state()
    del state["0.join.scale"]
    with pytest.raises(ModelError, match=r"missing: 0\.join\.scale; unexpected: 9\.weight"):
        encoder.load_stored_state({**state, "9.weight": torch.zeros(1)})


def test_unknown_or_incomplete_assets_are_refused() -> None:
    with pytest.raises(ModelError, match="unknown encoder 'glyphs'; known: brown, casing"):
        ConcatenatedEncoder.from_assets([{"kind": "glyphs"}])
    with pytest.raises(ModelError, match="'characters' lacks 'characters'"):
        ConcatenatedEncoder.from_assets([{"kind": "characters"}])


def test_a_list_without_encoders_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ConcatenatedEncoder([])
