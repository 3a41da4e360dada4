from __future__ import annotations

import pytest
import torch

from dovetail.encoders import CASINGS, CasingEncoder, casing


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1984", "numeric"),
        ("½", "numeric"),
        ("of", "lower"),
        ("straße", "lower"),
        ("NATO", "upper"),
        ("A", "upper"),  # a capital alone is tried as upper first
        ("Paris", "title"),
        ("McDonald", "other"),
        ("1980s", "mainly numeric"),
        ("3.14", "mainly numeric"),
        ("x2", "contains a numeral"),  # exactly half is not more than half
        ("B-52s", "contains a numeral"),
        ("don't", "other"),
        (".", "other"),
        ("東京", "other"),
        ("", "other"),
    ],
)
def test_class_of_word(word: str, expected: str) -> None:
    assert casing(word) == expected


def test_vectors_are_one_hot_in_the_order_of_the_classes() -> None:
    encoder = CasingEncoder()
    sentences = [["Paris", "1984", "of"], ["NATO"]]
    vectors = encoder(encoder.featurise(sentences))
    assert vectors.shape == (2, 3, len(CASINGS))
    for row, words in enumerate(sentences):
        for position, word in enumerate(words):
            assert vectors[row, position].sum() == 1
            assert CASINGS[int(vectors[row, position].argmax())] == casing(word)
    assert torch.isfinite(vectors).all()


def test_nothing_is_learned_or_stored() -> None:
    encoder = CasingEncoder()
    assert not list(encoder.parameters())
    assert encoder.stored_state() == {}
    assert CasingEncoder.from_assets(encoder.assets()).output_dim == 7
