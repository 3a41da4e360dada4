from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dovetail.encoders import StaticEncoder, WordVectors, read_word_vectors
from dovetail.errors import ConfigError, CorpusFormatError, ModelError

WORDS = ["the", "oak", "Oak", "ash"]
VECTORS = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], dtype=np.float32)


def write_text(folder: Path, *, header: bool) -> Path:
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(WORDS, VECTORS, strict=True)]
    path = folder / "vectors.txt"
    path.write_text("\n".join([*(["4 2"] if header else []), *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def encoder(tmp_path: Path) -> StaticEncoder:
    return StaticEncoder(read_word_vectors(write_text(tmp_path, header=False)))


@pytest.mark.parametrize("format", ["text", "text with header", "npz", "npy"])
def test_all_formats_say_the_same(tmp_path: Path, format: str) -> None:
    vocabulary = None
    if format.startswith("text"):
        path = write_text(tmp_path, header=format == "text with header")
    elif format == "npz":
        path = tmp_path / "vectors.npz"
        np.savez(path, words=np.array(WORDS), vectors=VECTORS)
    else:
        path, vocabulary = tmp_path / "vectors.npy", tmp_path / "words.txt"
        np.save(path, VECTORS)
        vocabulary.write_text("\n".join(WORDS), encoding="utf-8")
    found = read_word_vectors(path, vocabulary=vocabulary)
    assert found.words == WORDS
    assert np.array_equal(found.vectors, VECTORS)
    assert found.unknown.tolist() == [4, 5]  # the mean


def test_a_last_row_for_unknown_words_is_used_as_such(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("the 1 2\noak 3 4\n<unk> 9 9\n", encoding="utf-8")
    for max_words in (None, 1):
        found = read_word_vectors(path, max_words=max_words)
        assert found.words == ["the", "oak"][:max_words]
    assert read_word_vectors(path).unknown.tolist() == [9, 9]


def test_words_with_spaces_and_repeated_words(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("the 1 2\nat home 3 4\nthe 5 6\n", encoding="utf-8")
    found = read_word_vectors(path)
    assert found.words == ["the", "at home"]
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("line", ["oak 3", "oak 3 x", "3 4", ""])
def test_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(f"the 1 2\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusFormatError, match=r"vectors\.txt:2: expected"):
        read_word_vectors(path)


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    path, vocabulary = tmp_path / "vectors.npy", tmp_path / "words.txt"
    np.save(path, VECTORS)
    vocabulary.write_text("the\noak\n", encoding="utf-8")
    with pytest.raises(CorpusFormatError, match=r"2 words.*\(4, 2\)"):
        read_word_vectors(path, vocabulary=vocabulary)
    with pytest.raises(ConfigError, match="name the file with its words"):
        read_word_vectors(path)
    with pytest.raises(ConfigError, match="nowhere"):
        read_word_vectors(tmp_path / "nowhere")
    np.savez(tmp_path / "vectors.npz", vectors=VECTORS)
    with pytest.raises(CorpusFormatError, match="words"):
        read_word_vectors(tmp_path / "vectors.npz")
    (tmp_path / "empty.txt").touch()
    with pytest.raises(CorpusFormatError, match="empty"):
        read_word_vectors(tmp_path / "empty.txt")


def test_lookup_is_exact_then_lower_then_unknown(encoder: StaticEncoder) -> None:
    vectors = encoder(encoder.featurise([["oak", "Oak", "OAK", "zebra"], ["ash"]]))
    assert vectors.shape == (2, 4, 2)
    assert vectors[0].tolist() == [[3, 4], [5, 6], [3, 4], [4, 5]]
    assert vectors[1, 0].tolist() == [7, 8]


def test_without_lowercase_only_exact_words_are_known(encoder: StaticEncoder) -> None:
    vectors = WordVectors(WORDS, VECTORS.astype(np.float16), np.zeros(2, dtype=np.float16))
    cased = StaticEncoder(vectors, lowercase=False)
    assert cased(cased.featurise([["Oak", "OAK"]]))[0].tolist() == [[5, 6], [0, 0]]


def test_nothing_is_trained_but_everything_is_stored(encoder: StaticEncoder) -> None:
    assert not list(encoder.parameters())
    state = encoder.stored_state()
    assert {name: tensor.dtype for name, tensor in state.items()} == {"vectors": torch.float16}


def test_dropout_is_for_training_only(encoder: StaticEncoder) -> None:
    encoder.dropout.p = 0.9
    features = encoder.featurise([WORDS * 20])
    torch.manual_seed(1)
    assert (encoder.train()(features) == 0).any()
    assert not (encoder.eval()(features) == 0).any()


def test_saved_encoder_works_without_its_file(encoder: StaticEncoder) -> None:
    again = StaticEncoder.from_assets(json.loads(json.dumps(encoder.assets())))
    again.load_stored_state(encoder.stored_state())
    sentences = [[*WORDS, "OAK", "zebra"]]
    assert torch.equal(again(again.featurise(sentences)), encoder(encoder.featurise(sentences)))


def test_state_of_another_encoder_is_refused(encoder: StaticEncoder) -> None:
    with pytest.raises(ModelError, match=r"missing: vectors; unexpected: weight"):
        encoder.load_stored_state({"weight": torch.zeros(2)})


def test_glove_knows_most_words_of_a_news_corpus(data_folder: Path) -> None:
    folder = data_folder / "vectors" / "glove_6b_50d"
    word_vectors = read_word_vectors(folder / "vectors.f16.npy", vocabulary=folder / "vocab.txt")
    assert len(word_vectors.words) == 400_000
    expected = np.load(folder / "vectors.f16.npy", mmap_mode="r")[-1]
    assert np.array_equal(word_vectors.unknown, expected)
    encoder = StaticEncoder(word_vectors)
    with (data_folder / "conll04" / "conll04_train.json").open(encoding="utf-8") as file:
        words = [encoder.featurise([row["tokens"]])["words"] for row in json.load(file)]
    assert (torch.cat(words, dim=1) > 0).float().mean() == pytest.approx(0.978, abs=0.003)
