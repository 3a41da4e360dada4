from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from tests.encoders.conftest import TINY, WINDOW_PIECES
from torch import Tensor
from transformers import AutoConfig, AutoModel

from dovetail.encoders import PretrainedEncoder, Transformer
from dovetail.encoders.layer_mix import LayerMix
from dovetail.encoders.piece_windows import windows_over
from dovetail.encoders.transformer_layers import layers_of, run_apart
from dovetail.errors import MissingExtraError, ModelError

SHORT = ["The", "wooden", "joints", "."]
LONG = ["woodens", "the", "joint", "."] * 8
EXACT = {"rtol": 0.0, "atol": 1e-5}


def load(folder: Path, **options: object) -> Transformer:
    return Transformer.load(str(folder), precision="fp32", **options)


@pytest.fixture
def transformer(tiny_bert: Path) -> Transformer:
    return load(tiny_bert)


def encode(encoder: PretrainedEncoder, *sentences: list[str]) -> Tensor:
    return encoder(encoder.featurise(sentences))


def hidden_states(transformer: Transformer, words: list[str]) -> Tensor:
    """All layers of one sentence that fits into a window, as the library itself computes them."""
    (pieces,) = transformer.tokenizer.pieces([words])
    output = transformer.model(
        input_ids=torch.tensor([[2, *pieces.ids, 3]]), output_hidden_states=True
    )
    return torch.stack(output.hidden_states, dim=2)[0, 1:-1]  # (pieces, layers, dim)


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
def test_states_are_the_pooled_layers(transformer: Transformer, pooling: str) -> None:
    encoder = PretrainedEncoder(transformer, pooling=pooling)
    states = encoder.states(encoder.featurise([SHORT, ["the"]]))
    assert states.shape == (2, 4, 4, 16)  # the embedding layer and three more
    (pieces,) = transformer.tokenizer.pieces([SHORT])
    expected = hidden_states(transformer, SHORT)
    for token, (start, end) in enumerate(zip(pieces.starts, pieces.ends, strict=True)):
        rows = expected[start:end]
        pooled = {"first": rows[0], "last": rows[-1], "mean": rows.mean(dim=0)}[pooling]
        torch.testing.assert_close(states[0, token], pooled, **EXACT)


def test_mix_is_a_scaled_mean_of_layers_by_softmax() -> None:
    torch.manual_seed(1)
    mix = LayerMix(3)
    torch.nn.init.normal_(mix.logits)
    torch.nn.init.constant_(mix.scale, 0.7)
    states = torch.randn(2, 4, 3, 5)
    weights = mix.logits.exp() / mix.logits.exp().sum()
    expected = 0.7 * sum(weights[layer] * states[:, :, layer] for layer in range(3))
    torch.testing.assert_close(mix(states), expected)


def test_mix_starts_as_the_plain_mean(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer)
    features = encoder.featurise([SHORT])
    torch.testing.assert_close(encoder(features), encoder.states(features).mean(dim=2))


def test_without_mix_the_last_layer_is_read(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer, layers="last")
    expected = hidden_states(transformer, ["the", "joint"])[:, -1]
    torch.testing.assert_close(encode(encoder, ["the", "joint"])[0], expected, **EXACT)


@pytest.mark.parametrize("trained_layers", [0, 1, "all"])
def test_neighbours_in_the_batch_change_nothing(tiny_bert: Path, trained_layers: int) -> None:
    encoder = PretrainedEncoder(load(tiny_bert, trained_layers=trained_layers)).eval()
    together = encode(encoder, SHORT, LONG, ["the"], [], LONG * 20)
    assert torch.isfinite(together).all()
    torch.testing.assert_close(together[:1, : len(SHORT)], encode(encoder, SHORT), **EXACT)
    torch.testing.assert_close(together[1:2, : len(LONG)], encode(encoder, LONG), **EXACT)


def test_each_token_of_a_long_sentence_is_read_from_its_window(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer)
    words = ["the", "joint", "wood", "."] * 13  # one piece each
    found = encode(encoder, words)[0]
    windows = windows_over(52, capacity=WINDOW_PIECES - 2, word_starts=range(52))
    assert len(windows) > 2
    for start, end, read_start, read_end in windows:
        alone = encode(encoder, words[start:end])[0]
        expected = alone[read_start - start : read_end - start]
        torch.testing.assert_close(found[read_start:read_end], expected, **EXACT)


@pytest.mark.parametrize("folder", ["tiny_bert", "tiny_roberta"])
def test_two_thousand_words_are_all_read(folder: str, request: pytest.FixtureRequest) -> None:
    encoder = PretrainedEncoder(load(request.getfixturevalue(folder)), pooling="mean")
    vectors = encode(encoder, ["wooden", "joints"] * 1000, ["x" * 100_000, "the"])
    assert vectors.shape == (2, 2000, 16)
    assert torch.isfinite(vectors).all()
    assert (vectors[0].abs().sum(dim=-1) > 0).all()
    assert (vectors[1, :2].abs().sum(dim=-1) > 0).all()
    assert (vectors[1, 2:] == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_cached_states_replace_all_other_features(
    transformer: Transformer, dtype: torch.dtype
) -> None:
    encoder = PretrainedEncoder(transformer, projection_dim=5)
    features = encoder.featurise([SHORT, LONG])
    cached = {"states": encoder.states(features).to(dtype)}
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(encoder(cached), encoder(features), rtol=tolerance, atol=tolerance)


def test_autocast_does_not_change_what_is_cached(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer)
    features = encoder.featurise([SHORT])
    expected = encoder.states(features)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(encoder.states(features), expected)


def learning_names(encoder: PretrainedEncoder) -> set[str]:
    encode(encoder, SHORT, LONG).square().sum().backward()
    return {
        name
        for name, parameter in encoder.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }


def test_of_a_frozen_encoder_only_what_is_on_top_learns(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer, projection_dim=5)
    torch.nn.init.constant_(encoder.join.logits[:1].data, 0.5)
    expected = {"join.logits", "join.scale", "projection.weight", "projection.bias"}
    assert learning_names(encoder) == expected == set(encoder.stored_state())


@pytest.mark.parametrize("trained_layers", [1, 2, 3, "all"])
def test_gradients_reach_the_trained_layers_only(
    tiny_bert: Path, trained_layers: int | str
) -> None:
    encoder = PretrainedEncoder(load(tiny_bert, trained_layers=trained_layers), layers="last")
    learning = learning_names(encoder)
    required = {name for name, weight in encoder.named_parameters() if weight.requires_grad}
    assert set(encoder.stored_state()) == required
    top = 3 if trained_layers == "all" else trained_layers
    layers = {f"transformer.model.encoder.layer.{3 - 1 - below}." for below in range(top)}
    for name in required:
        in_layers = any(name.startswith(layer) for layer in layers)
        assert in_layers or (trained_layers == "all" and "embeddings" in name), name
    # A key's bias adds the same to all scores of a row, which the softmax undoes.
    assert {name for name in required - learning if not name.endswith("key.bias")} == set()
    assert not any("pooler" in name for name in required)
    states = encoder.states(encoder.featurise([SHORT]))
    assert (states is None) == (trained_layers == "all")


def test_dropout_is_on_in_trained_layers_and_off_in_frozen_ones(tiny_bert: Path) -> None:
    encoder = PretrainedEncoder(load(tiny_bert, trained_layers=1))
    features = encoder.featurise([SHORT])
    encoder.train()
    assert torch.equal(encoder.states(features), encoder.states(features))
    assert not torch.equal(encoder(features), encoder(features))
    encoder.eval()
    assert torch.equal(encoder(features), encoder(features))


def test_frozen_encoder_is_deterministic_in_training(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer).train()
    features = encoder.featurise([SHORT])
    assert torch.equal(encoder(features), encoder(features))


def test_dropout_on_the_output_is_for_training_only(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer, dropout=0.5)
    assert (encode(encoder.train(), SHORT) == 0).any()
    assert not (encode(encoder.eval(), SHORT) == 0).any()


@pytest.mark.parametrize("trained_layers", [0, 2, "all"])
def test_saved_encoder_gives_the_same_vectors(tiny_bert: Path, trained_layers: int | str) -> None:
    encoder = PretrainedEncoder(
        load(tiny_bert, trained_layers=trained_layers), pooling="mean", projection_dim=5
    )
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    again = PretrainedEncoder.from_assets(json.loads(json.dumps(encoder.assets())))
    assert not torch.equal(encode(again.eval(), SHORT), encode(encoder.eval(), SHORT))
    again.load_stored_state(encoder.stored_state())
    assert torch.equal(encode(again, SHORT), encode(encoder, SHORT))


def test_saved_encoder_on_other_weights_is_refused(transformer: Transformer) -> None:
    assets = PretrainedEncoder(transformer).assets()
    with pytest.raises(ModelError, match="SHA-256"):
        PretrainedEncoder.from_assets({**assets, "sha256": "0" * 64})


@pytest.mark.parametrize("trained_layers", [4, -1])
def test_more_layers_than_there_are_cannot_be_trained(tiny_bert: Path, trained_layers: int) -> None:
    with pytest.raises(ModelError, match=f"has 3 layers; cannot train {trained_layers}"):
        load(tiny_bert, trained_layers=trained_layers)


def test_frozen_weights_run_in_the_precision_asked_for(tiny_bert: Path) -> None:
    half = PretrainedEncoder(Transformer.load(str(tiny_bert), precision="bf16"))
    single = PretrainedEncoder(load(tiny_bert))
    assert half.states(half.featurise([SHORT])).dtype == torch.bfloat16
    vectors = encode(half, SHORT, LONG)
    assert vectors.dtype == torch.float32
    cosines = torch.cosine_similarity(vectors, encode(single, SHORT, LONG), dim=-1)
    assert cosines[0, : len(SHORT)].min() > 0.99
    assert cosines[1].min() > 0.99


def test_below_trained_layers_frozen_ones_keep_their_precision(tiny_bert: Path) -> None:
    trained = Transformer.load(str(tiny_bert), precision="bf16", trained_layers=1)
    dtypes = {weight.requires_grad: weight.dtype for weight in trained.parameters()}
    assert dtypes == {True: torch.float32, False: torch.bfloat16}
    whole = Transformer.load(str(tiny_bert), precision="bf16", trained_layers="all")
    assert {weight.dtype for weight in whole.parameters()} == {torch.float32}


def test_vectors_can_be_computed_in_inference_mode(transformer: Transformer) -> None:
    encoder = PretrainedEncoder(transformer).eval()
    with torch.inference_mode():
        vectors = encode(encoder, SHORT)
    torch.testing.assert_close(vectors.clone(), encode(encoder, SHORT))


def test_embedded_encoder_tells_contexts_apart() -> None:
    try:
        encoder = PretrainedEncoder(Transformer.load("minilm", precision="fp32"), layers="last")
    except MissingExtraError as error:
        pytest.skip(str(error))
    river, money, loan = (
        encode(encoder, words.split())[0, words.split().index("bank")]
        for words in (
            "we fished from the bank of the river",
            "the bank raised its interest rates",
            "a loan from the bank has to be paid back",
        )
    )
    assert torch.cosine_similarity(money, loan, dim=0) > torch.cosine_similarity(
        money, river, dim=0
    )


def test_assets_without_a_digest_are_refused(tiny_bert: Path) -> None:
    assets = {**PretrainedEncoder(load(tiny_bert)).assets(), "sha256": None}
    with pytest.raises(ModelError, match="expected their sha256"):
        PretrainedEncoder.from_assets(assets)


def test_a_model_whose_encoder_was_moved_says_what_it_stands_on(tiny_bert: Path) -> None:
    assets = PretrainedEncoder(load(tiny_bert)).assets() | {"name": str(tiny_bert / "moved")}
    with pytest.raises(ModelError, match=r"stands on the encoder .*moved"):
        PretrainedEncoder.from_assets(assets)


OPTIONS = {
    "electra": {"embedding_size": 16},
    "albert": {"embedding_size": 16},
    "deberta-v2": {"relative_attention": True},
}


@pytest.mark.parametrize(
    ("kind", "apart"),
    [
        ("bert", True),
        ("roberta", True),
        ("xlm-roberta", True),
        ("electra", True),
        ("distilbert", True),
        ("mpnet", True),  # hands the bias of its positions from layer to layer
        ("deberta-v2", False),  # so does this, in a form of its own
        ("albert", False),  # one layer, run several times
    ],
)
def test_layers_run_apart_where_they_read_states_and_mask_alone(kind: str, apart: bool) -> None:
    torch.manual_seed(1)
    options = TINY | OPTIONS.get(kind, {})
    model = AutoModel.from_config(AutoConfig.for_model(kind, **options)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.5)
    assert run_apart(model, layers_of(model)) == apart


def test_where_layers_do_not_run_apart_all_run_at_once(tiny_deberta: Path) -> None:
    encoder = PretrainedEncoder(load(tiny_deberta, trained_layers=2))
    features = encoder.featurise([SHORT, LONG])
    assert encoder.states(features) is None
    frozen = PretrainedEncoder(load(tiny_deberta))
    torch.testing.assert_close(encoder.eval()(features), frozen(features), **EXACT)
    learning = learning_names(encoder)
    assert any(".layer.1." in name for name in learning)
    assert not any(".layer.0." in name for name in learning)


def test_layers_that_do_not_run_apart_are_not_handed_on(tiny_deberta: Path) -> None:
    with pytest.raises(ModelError, match=r"DebertaV2Model\) do not run by themselves"):
        load(tiny_deberta).hand_on(1)


@pytest.mark.parametrize("layers", ["mix", "concatenated", "last"])
def test_an_encoder_reads_the_layers_that_it_keeps(tiny_bert: Path, layers: str) -> None:
    encoder = PretrainedEncoder(load(tiny_bert), layers=layers, projection_dim=5)
    handed = encoder.hand_on(2)
    assert [layer.layers_above for layer in handed] == [1, 0]
    assert not set(encoder.stored_state()) & encoder.unstored_names()
    features = encoder.with_states(encoder.featurise([SHORT]))
    states = PretrainedEncoder(load(tiny_bert)).states(encoder.featurise([SHORT]))
    kept = states[:, :, 1:2] if layers == "last" else states[:, :, :2]
    torch.testing.assert_close(features["states"], kept, **EXACT)
    assert encoder(features).shape == (1, 4, encoder.output_dim) == (1, 4, 5)
    pieces = encoder.piece_states(features)
    for number, layer in enumerate(handed, start=2):
        pieces = pieces.through(layer.eval())
        torch.testing.assert_close(pieces.pooled(), states[:, :, number], **EXACT)


def test_handed_layers_start_from_unrounded_weights(tiny_bert: Path) -> None:
    rounded = Transformer.load(str(tiny_bert), precision="bf16").hand_on(1)
    exact = load(tiny_bert).hand_on(1)
    for ours, theirs in zip(rounded[0].parameters(), exact[0].parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("folder", ["tiny_bert", "mpnet_folder"])
@pytest.mark.parametrize("trained_layers", [1, 2, 3])
def test_layers_below_the_trained_ones_give_what_the_whole_model_gives(
    folder: str, trained_layers: int, request: pytest.FixtureRequest
) -> None:
    found = request.getfixturevalue(folder)
    divided = PretrainedEncoder(load(found, trained_layers=trained_layers)).eval()
    whole = PretrainedEncoder(load(found, trained_layers="all")).eval()
    assert divided.transformer.divides
    features = divided.featurise([SHORT, LONG * 3, ["the"]])
    torch.testing.assert_close(divided(features), whole(features), **EXACT)


def test_layers_handed_on_keep_the_bias_of_positions_and_do_not_learn_it(
    mpnet_folder: Path,
) -> None:
    encoder = PretrainedEncoder(load(mpnet_folder))
    states = encoder.states(encoder.featurise([LONG]))
    handed = torch.nn.ModuleList(layer.eval() for layer in encoder.hand_on(2))
    again = copy.deepcopy(handed)
    assert set(again.state_dict()) == {name for name, _ in again.named_parameters()}
    assert not any("bias.table" in name for name in again.state_dict())
    pieces = encoder.piece_states(encoder.with_states(encoder.featurise([LONG])))
    for number, layer in enumerate(again, start=2):
        pieces = pieces.through(layer)
        torch.testing.assert_close(pieces.pooled(), states[:, :, number], **EXACT)


def test_what_all_layers_have_in_common_learns_as_the_embeddings_do(mpnet_folder: Path) -> None:
    above = load(mpnet_folder, trained_layers="all").layers_above()
    assert {above[name] for name in above if "embeddings." in name} == {3}
    assert above["model.encoder.relative_attention_bias.weight"] == 3
    for place in range(3):
        own = {above[name] for name in above if f".layer.{place}." in name}
        assert own == {2 - place}
    top = load(mpnet_folder, trained_layers=1).layers_above()
    assert set(top.values()) == {0}
    assert all(".layer.2." in name for name in top)
