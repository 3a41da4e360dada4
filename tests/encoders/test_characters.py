from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from dovetail.encoders import CharacterEncoder, character_vocabulary
from dovetail.encoders.characters import END_CHARACTERS
from dovetail.errors import ModelError
from dovetail.text.vocabulary import Vocabulary

SENTENCES = [["a", "cab", "decade", "a"], ["bead"]]


@pytest.fixture
def encoder() -> CharacterEncoder:
    torch.manual_seed(1)
    return CharacterEncoder(Vocabulary("abcde"), embedding_dim=5, hidden_dim=3)


def restated(encoder: CharacterEncoder, word: str) -> Tensor:
    """One word, one direction, one character at a time."""
    indices = torch.tensor([encoder.vocabulary.index(character) for character in word])
    characters = encoder.embedding(indices)
    last_states = []
    for suffix, steps in (("", characters), ("_reverse", characters.flip(0))):
        cell = torch.nn.GRUCell(5, 3)
        weights = {name: getattr(encoder.rnn, f"{name}_l0{suffix}") for name in cell.state_dict()}
        state = torch.zeros(3)
        for step in steps:
            state = torch.func.functional_call(cell, weights, (step, state))
        last_states.append(state)
    return torch.cat(last_states)


@pytest.mark.parametrize("training", [True, False])
def test_vectors_are_the_last_states_of_both_directions(
    encoder: CharacterEncoder, training: bool
) -> None:
    encoder.train(training)
    vectors = encoder(encoder.featurise(SENTENCES))
    assert vectors.shape == (2, 4, encoder.output_dim)
    for row, words in enumerate(SENTENCES):
        for position, word in enumerate(words):
            torch.testing.assert_close(vectors[row, position], restated(encoder, word))


def test_a_longer_neighbour_changes_nothing(encoder: CharacterEncoder) -> None:
    alone = encoder(encoder.featurise([["cab", "a"]]))
    together = encoder(encoder.featurise([["cab", "a"], ["abcdeabcdeabcde", "b", "cab"]]))
    torch.testing.assert_close(together[:1, :2], alone)


def test_each_distinct_word_is_encoded_once(encoder: CharacterEncoder) -> None:
    features = encoder.featurise([["a", "cab"], ["cab", "a", "a"]])
    assert features["characters"].shape == (2, 3)


def test_long_words_are_read_at_both_ends(encoder: CharacterEncoder) -> None:
    start, end = "ab" * (END_CHARACTERS // 2), "cd" * (END_CHARACTERS // 2)
    vectors = encoder(encoder.featurise([[start + "e" * 100_000 + end, start + end]]))
    torch.testing.assert_close(vectors[0, 0], vectors[0, 1])


@pytest.mark.parametrize("sentences", [[[""]], [["\x00", "\ud800", "😀"]], [[], ["a"]], [[]]])
def test_odd_words_have_finite_vectors(
    encoder: CharacterEncoder, sentences: list[list[str]]
) -> None:
    vectors = encoder(encoder.featurise(sentences))
    assert vectors.shape[:2] == (len(sentences), max(map(len, sentences)))
    assert torch.isfinite(vectors).all()


def test_characters_seen_once_are_unknown() -> None:
    vocabulary = character_vocabulary([["abba", "c"], ["cd"]])
    assert vocabulary.symbols == ("a", "b", "c")


def test_every_parameter_learns(encoder: CharacterEncoder) -> None:
    encoder(encoder.featurise(SENTENCES)).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_dropout_is_for_training_only() -> None:
    encoder = CharacterEncoder(Vocabulary("abcde"), dropout=0.5)
    features = encoder.featurise(SENTENCES)
    assert (encoder(features) == 0).any()
    assert not (encoder.eval()(features) == 0).any()


def test_saved_encoder_gives_the_same_vectors(encoder: CharacterEncoder) -> None:
    again = CharacterEncoder.from_assets(json.loads(json.dumps(encoder.assets())))
    again.load_stored_state(encoder.stored_state())
    assert torch.equal(again(again.featurise(SENTENCES)), encoder(encoder.featurise(SENTENCES)))


def test_state_of_another_size_is_refused(encoder: CharacterEncoder) -> None:
    other = CharacterEncoder(Vocabulary("abc"), embedding_dim=5, hidden_dim=3)
    with pytest.raises(ModelError, match=r"embedding\.weight of shape \(4, 5\).*\(6, 5\)"):
        other.load_stored_state(encoder.stored_state())
