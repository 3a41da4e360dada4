"""The own BERT is transformers' BertModel: the same parameters, states, gradients and pieces."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tests.encoders.conftest import TINY, WINDOW_PIECES
from transformers import AutoModel, BertModel

from dovetail.encoders.bert import BertConfig, BertEncoder, BertLayer
from dovetail.encoders.bert_files import load_bert_tokenizer
from dovetail.encoders.pieces import PieceTokenizer
from dovetail.encoders.pretrained_files import find_pretrained, load_pretrained_model
from dovetail.encoders.with_transformers import load_tokenizer_with_transformers
from dovetail.errors import MissingExtraError, ModelError

PIECES = torch.tensor([[2, 4, 7, 9, 3], [2, 8, 3, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
FULL = torch.tensor([[2, 4, 7, 9, 3]])


def both(folder: Path) -> tuple[BertEncoder, BertModel]:
    """The own encoder of a folder and the library's, in evaluation mode."""
    own = load_pretrained_model(find_pretrained(str(folder)), dtype=torch.float32)
    assert isinstance(own, BertEncoder)
    return own, BertModel.from_pretrained(folder, add_pooling_layer=False).eval()


@pytest.fixture(scope="module")
def minilm() -> Path:
    try:
        return find_pretrained("minilm").folder
    except MissingExtraError as error:
        pytest.skip(str(error))


def test_parameters_have_the_names_of_the_library_and_its_values(tiny_bert: Path) -> None:
    own, librarys = (model.state_dict() for model in both(tiny_bert))
    assert own.keys() == librarys.keys()
    assert all(torch.equal(own[name], librarys[name]) for name in own)


@pytest.mark.parametrize(("pieces", "mask"), [(PIECES, MASK), (FULL, None)])
def test_states_are_those_of_the_library(tiny_bert: Path, pieces, mask) -> None:
    own, librarys = (
        model(input_ids=pieces, attention_mask=mask, output_hidden_states=True)
        for model in both(tiny_bert)
    )
    real = torch.ones_like(pieces, dtype=torch.bool) if mask is None else mask.bool()
    assert len(own.hidden_states) == len(librarys.hidden_states) == 4
    for ours, theirs in zip(own.hidden_states, librarys.hidden_states, strict=True):
        torch.testing.assert_close(ours[real], theirs[real], rtol=0, atol=1e-5)
    assert torch.equal(own.last_hidden_state, own.hidden_states[-1])


def test_gradients_are_those_of_the_library_and_reach_every_parameter(tiny_bert: Path) -> None:
    own, librarys = both(tiny_bert)
    for model in (own, librarys):
        states = model(input_ids=PIECES, attention_mask=MASK).last_hidden_state
        (states[MASK.bool()] ** 3).sum().backward()
    theirs = dict(librarys.named_parameters())
    for name, weight in own.named_parameters():
        assert weight.grad is not None, name
        torch.testing.assert_close(weight.grad, theirs[name].grad, rtol=1e-4, atol=1e-3)


def test_dropout_is_for_training(tiny_bert: Path) -> None:
    own, _ = both(tiny_bert)
    first, second = (own(FULL).last_hidden_state for _ in range(2))
    assert torch.equal(first, second)
    own.train()
    first, second = (own(FULL).last_hidden_state for _ in range(2))
    assert not torch.equal(first, second)


def test_embedded_encoder_gives_the_librarys_states_and_rounds_about_as_much_in_bf16(
    minilm: Path,
) -> None:
    files = find_pretrained("minilm")
    torch.manual_seed(1)
    pieces = torch.randint(1000, 30000, (4, 40))
    mask = (torch.arange(40) < torch.tensor([[40], [31], [17], [5]])).long()
    real = mask.bool()
    exact = BertModel.from_pretrained(minilm, add_pooling_layer=False).eval()
    with torch.inference_mode():
        expected = exact(input_ids=pieces, attention_mask=mask).last_hidden_state[real]
        own = load_pretrained_model(files, dtype=torch.float32)
        states = own(input_ids=pieces, attention_mask=mask).last_hidden_state[real]
        torch.testing.assert_close(states, expected, rtol=0, atol=1e-4)
        own, theirs = own.bfloat16(), exact.bfloat16()
        errors = [
            (model(input_ids=pieces, attention_mask=mask).last_hidden_state[real] - expected)
            .float()
            .square()
            .mean()
            for model in (own, theirs)
        ]
    assert errors[0] <= 1.2 * errors[1], errors


def test_files_of_a_model_around_a_bert_and_old_names_are_read(
    tiny_bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "old"))
    weights = {}
    for name, value in load_file(folder / "model.safetensors").items():
        norm = ".LayerNorm." in name
        old = name.replace(".weight", ".gamma").replace(".bias", ".beta") if norm else name
        weights[f"bert.{old}"] = value
    weights["cls.predictions.bias"] = torch.zeros(3)
    save_file(weights, folder / "model.safetensors")
    own = load_pretrained_model(find_pretrained(str(folder)), dtype=torch.float32)
    expected, _ = both(tiny_bert)
    for name, value in expected.state_dict().items():
        assert torch.equal(own.state_dict()[name], value)


def test_weights_may_come_in_several_files(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "parts"))
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = iter(weights)
    for number in (1, 2):
        some = list(itertools.islice(names, len(weights) // 2 + 1))
        save_file(
            {name: weights[name] for name in some}, folder / f"model-{number}-of-2.safetensors"
        )
    own = load_pretrained_model(find_pretrained(str(folder)), dtype=torch.float32)
    expected, _ = both(tiny_bert)
    assert torch.equal(
        own(PIECES, MASK).last_hidden_state, expected(PIECES, MASK).last_hidden_state
    )


def test_missing_weights_are_named(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "less"))
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"lack 1 tensors: \['encoder.layer.1.output.dense.bias'"):
        load_pretrained_model(find_pretrained(str(folder)), dtype=torch.float32)


@pytest.mark.parametrize(
    "values",
    [
        {"model_type": "roberta"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"hidden_act": "relu"},
        {"num_attention_heads": 3},
        {"hidden_size": "16"},
        {"num_hidden_layers": -1},
    ],
    ids=str,
)
def test_what_is_no_plain_bert_is_left_to_the_library(values: dict[str, object]) -> None:
    plain = {**TINY, "model_type": "bert"}
    assert BertConfig.of(plain) is not None
    assert BertConfig.of({**plain, **values}) is None


def test_bert_that_is_not_plain_runs_as_before(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "relu"))
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}), "utf-8")
    model = load_pretrained_model(find_pretrained(str(folder)), dtype=torch.float32)
    assert isinstance(model, BertModel)


def test_layer_alone_is_the_layer_in_the_model(tiny_bert: Path) -> None:
    own, _ = both(tiny_bert)
    states = own(PIECES, MASK).hidden_states
    layer = own.encoder.layer[1]
    assert isinstance(layer, BertLayer)
    assert torch.equal(layer(states[1], MASK.bool()), states[2])


WORDS = st.lists(st.text(max_size=12), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(words=WORDS)
def test_pieces_are_those_of_the_librarys_tokenizer(minilm: Path, words: list[str]) -> None:
    own, librarys = tokenizers_of(minilm)
    assert own.featurise([words], pooling="mean").keys()
    assert own.pieces([words]) == librarys.pieces([words])


_known: dict[Path, tuple[PieceTokenizer, PieceTokenizer]] = {}


def tokenizers_of(folder: Path) -> tuple[PieceTokenizer, PieceTokenizer]:
    """The own tokenizer of a folder and the library's."""
    if folder not in _known:
        own = load_bert_tokenizer(folder)
        assert own is not None
        librarys = load_tokenizer_with_transformers(folder)
        assert own[1:] == librarys[1:]
        _known[folder] = (
            PieceTokenizer(own, window_pieces=512),
            PieceTokenizer(librarys, window_pieces=512),
        )
    return _known[folder]


@pytest.mark.parametrize(
    "said",
    [
        {"do_lower_case": False},
        {"strip_accents": True},
        {"tokenize_chinese_chars": False},
        {"tokenizer_class": "OwnTokenizer"},
        {"added_tokens_decoder": {"11": {"content": "[NEW]"}}},
    ],
    ids=str,
)
def test_tokenizer_that_its_file_does_not_describe_is_left_to_the_library(
    said: dict[str, object], tiny_bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "other"))
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({"tokenizer_class": "BertTokenizer", **said}), encoding="utf-8")
    assert load_bert_tokenizer(folder) is None
    path.write_text(json.dumps({"tokenizer_class": "BertTokenizer"}), encoding="utf-8")
    assert load_bert_tokenizer(folder) is not None


def test_extracting_with_a_shipped_model_imports_no_transformers() -> None:
    program = """
import sys
from dovetail import Extractor
found = Extractor.load("news").extract("Anna Berg lives in Turku.")
assert found.entities
print([name for name in sys.modules if name.split(".")[0] == "transformers"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_windows_are_as_long_as_the_tokenizer_and_the_model_allow(tiny_bert: Path) -> None:
    assert AutoModel.from_pretrained(tiny_bert).config.max_position_embeddings == WINDOW_PIECES
    tokenizer = load_bert_tokenizer(tiny_bert)
    assert tokenizer is not None
    for longest, expected in ((None, WINDOW_PIECES), (10, 10), (100, WINDOW_PIECES)):
        own = PieceTokenizer(tokenizer._replace(longest=longest), window_pieces=WINDOW_PIECES)
        features = own.featurise([["the"] * 50], pooling="first")
        assert int(features["lengths"].max()) == expected
