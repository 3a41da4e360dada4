"""The encoder against plain loops (`elmo_restated.py`), and the promises of every encoder.

Those loops and the encoder were also held once against the test vectors that come with bilm-tf and
AllenNLP: the first batch of each agrees to 1e-6.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.elmo_restated import options_with, restated_states, save_elmo
from torch import Tensor

from dovetail.encoders import ElmoEncoder, elmo_network
from dovetail.encoders.elmo_files import ElmoOptions, find_elmo
from dovetail.errors import ModelError

SHORT = ["The", "wooden", "joints", "."]
LONG = ["Zürich", "x" * 40, "the", "ab", "東京都千代田区", "<S>"] * 15
EXACT = {"rtol": 1e-5, "atol": 1e-5}

LSTMS: dict[str, dict[str, Any]] = {
    "published": {},
    "no clips": {"cell_clip": None, "proj_clip": None},
    "tight clips": {"cell_clip": 0.1, "proj_clip": 0.05},
    "no skips": {"use_skip_connections": False},
    "one layer": {"n_layers": 1},
    "three layers": {"n_layers": 3},
}
CHARACTERS: dict[str, dict[str, Any]] = {
    "tanh": {"activation": "tanh"},
    "no highways": {"n_highway": 0},
    "long words": {"max_characters_per_token": 50},
    "shortest words": {"max_characters_per_token": 4},
}


def load(folder: Path, **options: Any) -> ElmoEncoder:
    options = {"precision": "fp32", **options}
    published = ElmoOptions.read(folder / "options.json")
    return ElmoEncoder(find_elmo(published, folder / "weights.hdf5"), **options)


def states(encoder: ElmoEncoder, *sentences: list[str]) -> Tensor:
    return encoder.states(encoder.featurise(sentences))


def encode(encoder: ElmoEncoder, *sentences: list[str]) -> Tensor:
    return encoder(encoder.featurise(sentences))


@pytest.fixture
def encoder(tiny_elmo: Path) -> ElmoEncoder:
    return load(tiny_elmo)


@pytest.mark.parametrize(
    "options",
    [
        *(pytest.param(options_with(lstm=new), id=name) for name, new in LSTMS.items()),
        *(pytest.param(options_with(char_cnn=new), id=name) for name, new in CHARACTERS.items()),
    ],
)
def test_states_are_those_of_plain_loops(options: dict[str, Any], tmp_path: Path) -> None:
    encoder = load(save_elmo(tmp_path, options))
    found = states(encoder, SHORT, LONG[:13], ["the"])
    for row, words in enumerate([SHORT, LONG[:13], ["the"]]):
        expected = torch.from_numpy(restated_states(tmp_path, words)).float()
        assert expected.shape == (len(words), encoder.model.num_layers, encoder.output_dim)
        torch.testing.assert_close(found[row, : len(words)], expected, **EXACT)


def test_both_clips_bite(tmp_path: Path) -> None:
    """Else the comparison with plain loops would say nothing of them."""
    found = []
    for clips in ({"cell_clip": 0.8}, {"proj_clip": 0.6}, {}):
        options = options_with(lstm={"cell_clip": None, "proj_clip": None, **clips})
        found.append(restated_states(save_elmo(tmp_path, options), SHORT)[:, 1:])
    assert np.abs(found[0] - found[2]).max() > 0.1
    assert np.abs(found[1] - found[2]).max() > 0.1
    assert np.abs(found[1][:, 0]).max() == 0.6


def test_neighbours_in_the_batch_change_nothing(encoder: ElmoEncoder) -> None:
    sentences = [SHORT, LONG * 4, ["the"], [], LONG]
    together = encode(encoder, *sentences)
    assert together.shape == (5, 360, 8)
    assert torch.isfinite(together).all()
    for row, words in enumerate(sentences):
        alone = encode(encoder, words)[0]
        torch.testing.assert_close(together[row, : len(words)], alone, **EXACT)


def test_sentences_without_words_have_no_vectors(encoder: ElmoEncoder) -> None:
    assert encode(encoder, [], []).shape == (2, 0, 8)


def test_nothing_is_carried_from_batch_to_batch(encoder: ElmoEncoder) -> None:
    first = states(encoder, SHORT)
    states(encoder, LONG)
    assert torch.equal(states(encoder, SHORT), first)


def test_vectors_depend_on_both_sides(encoder: ElmoEncoder) -> None:
    base, other_first, other_last = (
        states(encoder, words)[0, 1] for words in (SHORT, ["A", *SHORT[1:]], [*SHORT[:-1], "!"])
    )
    assert torch.equal(base[0], other_first[0])  # the layer of the words knows no context
    for other, changed, kept in ((other_first, 0, 4), (other_last, 4, 0)):
        assert not torch.allclose(base[1:, changed : changed + 4], other[1:, changed : changed + 4])
        torch.testing.assert_close(base[1:, kept : kept + 4], other[1:, kept : kept + 4], **EXACT)


def test_words_are_spelled_in_bytes_between_marks(encoder: ElmoEncoder) -> None:
    words = ["ab", "é", "", "\ud800a", "a" * 11]
    features = encoder.featurise([words])
    rows = features["characters"].tolist()
    assert [row[:3] for row in rows[:2]] == [[258, 256, 259], [258, 257, 259]]
    spelled = [rows[row] for row in features["words"].tolist()[1:-1]]
    assert spelled[0] == [258, 97, 98, 259] + [260] * 8
    assert spelled[1] == [258, 0xC3, 0xA9, 259] + [260] * 8
    assert spelled[2] == [258, 259] + [260] * 10
    assert spelled[3] == [258, 97, 259] + [260] * 9  # half of a character is no character
    assert spelled[4] == [258, *[97] * 10, 259]  # ten bytes fit


def test_what_stands_behind_the_limit_is_not_read(encoder: ElmoEncoder) -> None:
    same = encode(encoder, ["a" * 10 + "b", "a" * 10])
    assert torch.equal(states(encoder, ["a" * 10 + "b"]), states(encoder, ["a" * 10]))
    assert not torch.equal(same[0, 0], same[0, 1])  # they stand in different places


def test_products_of_bounded_size_give_the_same(
    encoder: ElmoEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = states(encoder, SHORT, LONG, ["the"])
    monkeypatch.setattr(elmo_network, "_WORDS_AT_ONCE", 2)
    monkeypatch.setattr(elmo_network, "_TOKENS_AT_ONCE", 4)
    torch.testing.assert_close(states(encoder, SHORT, LONG, ["the"]), expected, **EXACT)


def test_mix_starts_as_the_plain_mean(encoder: ElmoEncoder) -> None:
    expected = states(encoder, SHORT).mean(dim=2)
    torch.testing.assert_close(encode(encoder, SHORT), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_cached_states_replace_all_other_features(encoder: ElmoEncoder, dtype: torch.dtype) -> None:
    features = encoder.featurise([SHORT, LONG])
    cached = {"states": encoder.states(features).to(dtype)}
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(encoder(cached), encoder(features), rtol=tolerance, atol=tolerance)


def test_autocast_does_not_change_what_is_cached(encoder: ElmoEncoder) -> None:
    expected = states(encoder, SHORT)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(states(encoder, SHORT), expected)


def test_vectors_can_be_computed_in_inference_mode(encoder: ElmoEncoder) -> None:
    with torch.inference_mode():
        vectors = encode(encoder.eval(), SHORT)
    torch.testing.assert_close(vectors.clone(), encode(encoder, SHORT))


def test_only_the_mix_learns_and_is_stored(encoder: ElmoEncoder) -> None:
    torch.nn.init.constant_(encoder.join.logits[:1].data, 0.5)
    encode(encoder, SHORT, LONG).square().sum().backward()
    learning = {
        name
        for name, parameter in encoder.named_parameters()
        if parameter.grad is not None and bool(parameter.grad.any())
    }
    assert learning == {"join.logits", "join.scale"} == set(encoder.stored_state())


def test_dropout_is_on_the_output_and_for_training_only(tiny_elmo: Path) -> None:
    encoder = load(tiny_elmo, dropout=0.5)
    assert (encode(encoder.train(), SHORT) == 0).any()
    assert not (encode(encoder.eval(), SHORT) == 0).any()


def test_weights_run_in_the_precision_asked_for(tiny_elmo: Path) -> None:
    half, single = load(tiny_elmo, precision="bf16"), load(tiny_elmo)
    assert states(half, SHORT).dtype == torch.bfloat16
    vectors = encode(half, SHORT, LONG)
    assert vectors.dtype == torch.float32
    cosines = torch.cosine_similarity(vectors, encode(single, SHORT, LONG), dim=-1)
    assert cosines[1].min() > 0.99


def test_loading_draws_no_random_numbers(tiny_elmo: Path) -> None:
    before = torch.random.get_rng_state()
    load(tiny_elmo)
    assert torch.equal(torch.random.get_rng_state(), before)


def saved(encoder: ElmoEncoder) -> dict[str, Any]:
    return json.loads(json.dumps(encoder.assets()))


def test_saved_encoder_gives_the_same_vectors_without_its_options_file(tmp_path: Path) -> None:
    encoder = load(save_elmo(tmp_path), dropout=0.2)
    (tmp_path / "options.json").unlink()
    torch.nn.init.normal_(encoder.join.logits)
    again = ElmoEncoder.from_assets(saved(encoder))
    again.load_stored_state(encoder.stored_state())
    assert again.dropout.p == 0.2
    assert torch.equal(encode(again.eval(), SHORT), encode(encoder.eval(), SHORT))


def test_saved_encoder_on_other_weights_is_refused(tmp_path: Path) -> None:
    assets = saved(load(save_elmo(tmp_path)))
    save_elmo(tmp_path, seed=2)
    with pytest.raises(ModelError, match=rf"SHA-256 \w+, expected {assets['sha256']}"):
        ElmoEncoder.from_assets(assets)


def test_a_model_whose_weights_were_moved_says_what_it_stands_on(tmp_path: Path) -> None:
    assets = saved(load(save_elmo(tmp_path)))
    (tmp_path / "weights.hdf5").rename(tmp_path / "moved.hdf5")
    with pytest.raises(ModelError, match=r"stands on .*weights\.hdf5.*No such file.*model\.json"):
        ElmoEncoder.from_assets(assets)
    moved = ElmoEncoder.from_assets(assets | {"weights": str(tmp_path / "moved.hdf5")})
    assert moved.files.sha256 == assets["sha256"]


def test_assets_without_a_digest_are_refused(encoder: ElmoEncoder) -> None:
    with pytest.raises(ModelError, match="expected their sha256"):
        ElmoEncoder.from_assets(encoder.assets() | {"sha256": None})
