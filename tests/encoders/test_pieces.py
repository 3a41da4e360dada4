from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.encoders.conftest import PIECES, WINDOW_PIECES

from dovetail.encoders.pieces import PieceTokenizer
from dovetail.encoders.pretrained_files import find_pretrained, load_pretrained_tokenizer


@pytest.fixture(scope="session")
def tokenizer(tiny_bert: Path) -> PieceTokenizer:
    files = find_pretrained(str(tiny_bert))
    return PieceTokenizer(load_pretrained_tokenizer(files), window_pieces=WINDOW_PIECES)


def spelled(ids: list[int]) -> list[str]:
    return [PIECES[index] for index in ids]


def test_words_are_split_into_pieces(tokenizer: PieceTokenizer) -> None:
    (pieces,) = tokenizer.pieces([["The", "woodenworks", "jointwood", "joints."]])
    assert spelled(pieces.ids) == [
        *("the", "wood", "##en", "##work", "##s", "[UNK]"),
        *("joint", "##s", "."),
    ]
    assert pieces.starts == [0, 1, 5, 6]
    assert pieces.ends == [1, 5, 6, 9]


@given(st.lists(st.lists(st.text(st.characters(codec=None)) | st.sampled_from(["wooden", "the"]))))
def test_every_word_has_a_piece(tokenizer: PieceTokenizer, sentences: list[list[str]]) -> None:
    for (ids, starts, ends), words in zip(tokenizer.pieces(sentences), sentences, strict=True):
        assert len(starts) == len(ends) == len(words)
        assert all(start < end for start, end in zip(starts, ends, strict=True))
        assert [0, *ends] == [*starts, len(ids)]


@pytest.mark.parametrize("word", ["\x00", "\u200b", "\u0301", "", "\ud800", " "])
def test_words_without_pieces_are_unknown_and_shift_nothing(
    tokenizer: PieceTokenizer, word: str
) -> None:
    (pieces,) = tokenizer.pieces([["wooden", word, "joints"]])
    assert spelled(pieces.ids) == ["wood", "##en", "[UNK]", "joint", "##s"]
    assert pieces.starts == [0, 2, 3]


def test_neither_truncated_nor_padded_as_the_file_says(tokenizer: PieceTokenizer) -> None:
    short, long = tokenizer.pieces([["the"], ["wood"] * 20])  # the file says 8 for both
    assert len(short.ids) == 1
    assert len(long.ids) == 20


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
def test_positions_lead_to_the_pieces_of_each_token(
    tokenizer: PieceTokenizer, pooling: str
) -> None:
    sentences = [["woodens", "the"] * 30, [], ["joints"], ["wooden", "the", "joint"] * 9]
    features = tokenizer.featurise(sentences, pooling=pooling)
    sequence = [
        PIECES[piece]
        for row, length in zip(features["pieces"], features["lengths"], strict=True)
        for piece in row[:length].tolist()
    ]
    found: dict[int, list[str]] = {}
    for position, token in zip(features["positions"], features["tokens"], strict=True):
        found.setdefault(int(token), []).append(sequence[position])
    longest = max(map(len, sentences))
    expected: dict[int, list[str]] = {}
    for (row, words), pieces in zip(enumerate(sentences), tokenizer.pieces(sentences), strict=True):
        for token in range(len(words)):
            word = spelled(pieces.ids[pieces.starts[token] : pieces.ends[token]])
            kept = {"first": word[:1], "last": word[-1:], "mean": word}[pooling]
            expected[row * longest + token] = kept
    assert found == expected
    counts = features["counts"].flatten().tolist()
    assert counts == [len(expected.get(token, [])) for token in range(4 * longest)]


def test_windows_are_framed_sorted_and_short_enough(tokenizer: PieceTokenizer) -> None:
    features = tokenizer.featurise([["wood"] * 100, ["the"], []], pooling="first")
    lengths = features["lengths"].tolist()
    assert lengths == sorted(lengths)
    assert lengths[:2] == [2, 3]
    assert lengths[-1] == WINDOW_PIECES
    for row, length in zip(features["pieces"], lengths, strict=True):
        pieces = spelled(row.tolist())
        assert pieces[0] == "[CLS]"
        assert pieces[length - 1] == "[SEP]"
        assert set(pieces[length:]) <= {"[PAD]"}


def test_a_window_must_have_room(tiny_bert: Path) -> None:
    tokenizer = load_pretrained_tokenizer(find_pretrained(str(tiny_bert)))
    with pytest.raises(ValueError, match="no room"):
        PieceTokenizer(tokenizer, window_pieces=2)


def test_byte_level_words_start_with_a_space(tiny_roberta: Path) -> None:
    tokenizer = PieceTokenizer(
        load_pretrained_tokenizer(find_pretrained(str(tiny_roberta))), window_pieces=WINDOW_PIECES
    )
    first, second = tokenizer.pieces([["oo", "oo"]])[0].ids[:2], tokenizer.pieces([["o"]])[0].ids
    assert first[0] == second[0]  # the piece of " o" with its space, at the start too
    ends = tokenizer.pieces([["oo", "😀", "oo"]])[0].ends
    assert ends == list(itertools.accumulate([2, 5, 2]))  # a space and four bytes
    assert torch.is_tensor(tokenizer.featurise([["oo"]], pooling="mean")["pieces"])
