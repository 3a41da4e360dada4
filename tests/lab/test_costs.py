"""Multiply-adds against closed formulas, and what counts as a parameter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.corpus import DEV, SENTENCES
from tests.networks import pretrained, tiny_config, tiny_model

from dovetail.config import CasingEncoderConfig
from dovetail.encoders.casing import CasingEncoder
from dovetail.lab.costs import OfSchema, costs_of, counted, multiply_adds, spread
from dovetail.layers.recurrent import BidirectionalLayer
from dovetail.model.ensemble import Ensemble
from dovetail.model.prediction import Predictor
from dovetail.strategies import DepthSharingConfig
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.reading import ModelReading
from dovetail.text.windowed import Windowed


def gru_products(tokens: int, input_dim: int, hidden_dim: int) -> int:
    """Both directions: three gates read the input and the state, at every token."""
    return 2 * tokens * 3 * hidden_dim * (input_dim + hidden_dim)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_recurrent_layer_is_counted_as_its_formula_says(cell: str, dtype: torch.dtype) -> None:
    layer = BidirectionalLayer(cell, input_dim=5, hidden_dim=7).to(dtype).eval()
    tokens, mask = torch.randn(1, 11, 5, dtype=dtype), torch.ones(1, 11, dtype=torch.bool)
    with torch.inference_mode():
        found = counted(lambda: layer(tokens, mask))
    gates = {"gru": 3, "lstm": 4}[cell]
    assert found == gru_products(11, 5, 7) * gates // 3


def test_attention_is_counted_as_its_formula_says() -> None:
    query = torch.randn(2, 3, 5, 8)  # sentences, heads, tokens, width
    with torch.inference_mode():
        found = counted(
            lambda: torch.nn.functional.scaled_dot_product_attention(query, query, query)
        )
    assert found == 2 * 3 * 5 * 5 * (8 + 8)


def test_layers_and_tagger_of_a_model_are_counted_as_their_formulas_say() -> None:
    """Casing only, so that all products are known; the rest of the whole scores pairs."""
    config = tiny_config(
        encoders=(CasingEncoderConfig(),),
        sharing=DepthSharingConfig(
            hidden_dim=6, shared_layers=1, entity_layers=1, relation_layers=0
        ),
    )
    model = tiny_model(config).eval()
    tokens = len(DEV[0].tokens)
    recurrent = gru_products(tokens, CasingEncoder().output_dim, 6) + gru_products(tokens, 12, 6)
    tagger = tokens * (12 * 8 + 8 * len(model.entity_head.tag_set.tags))
    batch = batch_of_one(model, DEV[0])
    with torch.inference_mode():
        assert counted(lambda: model.emissions(model.streams(batch))) == recurrent + tagger
    whole, above = multiply_adds(model, DEV[0])
    assert whole == above > recurrent + tagger


def batch_of_one(model: Predictor, sentence: Sentence) -> Batch:
    return Batch.from_sentences([sentence.without_annotations()], model.featurise)


@pytest.mark.parametrize("trained_layers", [0, 1])
def test_frozen_encoder_is_counted_apart(pretrained_folder: Path, trained_layers: int) -> None:
    encoder = pretrained(pretrained_folder, trained_layers=trained_layers)
    config = tiny_config(encoders=(encoder, CasingEncoderConfig()))
    model = tiny_model(config).eval()
    whole, above = multiply_adds(model, DEV[0])
    assert 0 < above < whole
    batch = batch_of_one(model, DEV[0])
    with torch.inference_mode():
        assert counted(lambda: model.predict(batch)) == whole
        (frozen, _) = model.encoder
        assert counted(lambda: frozen.states(batch.features[0])) == whole - above
    other = tiny_model(config, seed=1).eval()
    together, above_both = multiply_adds(Ensemble([model, other]), DEV[0])
    assert together - above_both == whole - above  # the shared encoder runs once


def test_parameters_are_those_of_the_parts(pretrained_folder: Path) -> None:
    config = tiny_config(encoders=(pretrained(pretrained_folder),))
    model = tiny_model(config).eval()
    costs = costs_of(model, [OfSchema("", DEV)])
    stored = sum(tensor.numel() for tensor in model.stored_state().values())
    whole = sum(tensor.numel() for tensor in model.state_dict().values())
    assert costs["stored_parameters"] == stored < costs["total_parameters"] == whole
    pair = Ensemble([model, tiny_model(config, seed=1).eval()])
    both = costs_of(pair, [OfSchema("", ())])
    assert both["stored_parameters"] == 2 * stored
    assert both["total_parameters"] == whole + stored  # the frozen encoder is there once
    assert both["multiply_adds"] is None


def test_chosen_sentences_have_the_mean_length_of_all() -> None:
    chosen = spread(SENTENCES, 8)
    assert len(chosen) == 8
    lengths = [len(sentence.tokens) for sentence in chosen]
    assert lengths == sorted(lengths)
    mean = sum(len(sentence.tokens) for sentence in SENTENCES) / len(SENTENCES)
    assert abs(sum(lengths) / 8 - mean) < 1
    assert spread(SENTENCES[:3], 8) == sorted(SENTENCES[:3], key=lambda s: len(s.tokens))


def test_long_sentence_costs_what_its_windows_cost() -> None:
    model = tiny_model().eval()
    (windows,) = Windowed.of([DEV[0]], ModelReading("en", 4, 2)).windows
    assert len(windows) > 1
    costs = costs_of(model, [OfSchema("", DEV[:1])], ModelReading("en", 4, 2))
    own = [multiply_adds(model, window.sentence)[0] for window in windows]
    assert costs["multiply_adds"] == sum(own)
