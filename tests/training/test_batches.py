from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import SENTENCES
from tests.networks import ENCODERS, pretrained, tiny_config, tiny_model

from dovetail.encoders import ConcatenatedEncoder
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.training.batches import (
    ENCODED_AT_ONCE,
    POOL_BATCHES,
    TOKENS_AT_ONCE,
    batches_by_length,
    shuffled_batches,
)
from dovetail.training.frozen_states import SAMPLED, FrozenStates, frozen_bytes

lengths_of_sentences = st.lists(st.integers(1, 90), max_size=400)


@given(lengths_of_sentences, st.integers(1, 9), st.integers(0, 2**40))
def test_every_sentence_is_in_exactly_one_batch(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    for batches in (
        shuffled_batches(lengths, batch_size=batch_size, seed=seed),
        batches_by_length(lengths, batch_size=batch_size),
    ):
        assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
        assert all(0 < len(batch) <= batch_size for batch in batches)
        assert len(batches) == -(-len(lengths) // batch_size)  # what the schedule counts on


@given(lengths_of_sentences, st.integers(0, 2**40))
def test_batches_depend_on_the_seed_alone(lengths: list[int], seed: int) -> None:
    first = shuffled_batches(lengths, batch_size=4, seed=seed)
    assert first == shuffled_batches(lengths, batch_size=4, seed=seed)


def test_another_seed_gives_other_batches() -> None:
    lengths = [1 + index % 40 for index in range(300)]
    batches = [shuffled_batches(lengths, batch_size=4, seed=seed) for seed in range(5)]
    assert len({tuple(map(tuple, found)) for found in batches}) == 5


def test_sentences_of_a_batch_are_of_similar_length() -> None:
    lengths = [1 + (7 * index) % 80 for index in range(4 * POOL_BATCHES)]
    batches = shuffled_batches(lengths, batch_size=4, seed=1)
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches]
    assert max(spread) <= 4  # of a pool that holds each length from 1 to 80 once


@given(st.lists(st.integers(0, 3 * TOKENS_AT_ONCE // 2), max_size=200), st.integers(1, 64))
def test_batches_of_long_sentences_hold_a_bounded_number_of_tokens(
    lengths: list[int], batch_size: int
) -> None:
    batches = batches_by_length(lengths, batch_size=batch_size)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= batch_size
        assert len(batch) * max(lengths[i] for i in batch) <= TOKENS_AT_ONCE or len(batch) == 1


def encoder_of(folder: Path, **settings: object) -> ConcatenatedEncoder:
    config = tiny_config(encoders=(pretrained(folder, **settings), *ENCODERS))
    return tiny_model(config).encoder.eval()


def computed(
    encoder: ConcatenatedEncoder,
    sentences: Sequence[Sentence] = SENTENCES,
    *,
    in_file: bool = False,
) -> FrozenStates:
    states = FrozenStates.compute(encoder, sentences, in_file=in_file)
    while True:
        try:
            next(states)
        except StopIteration as finished:
            found: FrozenStates = finished.value
            return found


LONG = Sentence.from_tokens(["wooden", "joints", "the", "."] * 12)
"""More pieces than the tiny encoder reads at once."""


@pytest.mark.usefixtures("fp32_everywhere")
@pytest.mark.parametrize("layers", ["mix", "concatenated", "last"])
@pytest.mark.parametrize("pooling", ["first", "mean"])
@pytest.mark.parametrize("trained_layers", [0, 1, 2, 3])
def test_cached_states_give_the_vectors_of_the_encoder(
    pretrained_folder: Path, trained_layers: int, pooling: str, layers: str
) -> None:
    encoder = encoder_of(
        pretrained_folder, trained_layers=trained_layers, pooling=pooling, layers=layers
    )
    corpus = (*SENTENCES, LONG, *SENTENCES, LONG)
    cache = computed(encoder, corpus)
    for indices in ([3], [0, 29, 4, 61, 5, 30], list(range(len(corpus)))):
        sentences = [corpus[index] for index in indices]
        direct = Batch.from_sentences(sentences, encoder.featurise)
        cached = Batch.from_sentences(
            sentences, lambda words, chosen=indices: cache.features(encoder, words, chosen)
        )
        # Half precision in the cache: about three digits.
        torch.testing.assert_close(
            encoder(cached.features)[direct.mask],
            encoder(direct.features)[direct.mask],
            atol=1e-2 if trained_layers else 2e-3,
            rtol=2e-3,
        )


@pytest.mark.parametrize("trained_layers", [0, 1, "all"])
def test_states_in_a_file_are_those_in_memory(
    pretrained_folder: Path, trained_layers: int | str
) -> None:
    encoder = encoder_of(pretrained_folder, trained_layers=trained_layers)
    corpus = (*SENTENCES, LONG, *SENTENCES, LONG)
    memory, file = (computed(encoder, corpus, in_file=in_file) for in_file in (False, True))
    assert file.num_bytes == 0
    assert (memory.num_bytes == 0) == (trained_layers == "all")
    for indices in ([3], [0, 29, 4, 61, 5, 30], list(range(len(corpus)))):
        words = [corpus[index].tokens for index in indices]
        for own, other in zip(
            memory.features(encoder, words, indices),
            file.features(encoder, words, indices),
            strict=True,
        ):
            assert own.keys() == other.keys()
            assert all(torch.equal(own[name], other[name]) for name in own)


def test_trained_layers_get_the_same_gradients_with_the_cache(pretrained_folder: Path) -> None:
    encoder = encoder_of(pretrained_folder, trained_layers=2)
    cache = computed(encoder)
    gradients = []
    for featurise in (
        encoder.featurise,
        lambda words: cache.features(encoder, words, range(len(SENTENCES))),
    ):
        encoder.zero_grad()
        batch = Batch.from_sentences(SENTENCES, featurise)
        encoder(batch.features)[batch.mask].sin().sum().backward()
        gradients.append([p.grad for p in encoder.parameters() if p.grad is not None])
    assert len(gradients[0]) > 32  # two layers of 16 tensors, and the mix
    for direct, cached in zip(*gradients, strict=True):
        assert (direct - cached).norm() <= 0.02 * direct.norm() + 1e-3


def test_caching_tells_how_far_it_is(pretrained_folder: Path) -> None:
    done = list(FrozenStates.compute(encoder_of(pretrained_folder), SENTENCES * 5))
    assert done == [ENCODED_AT_ONCE, 2 * ENCODED_AT_ONCE, 5 * len(SENTENCES)]


def bytes_of(cache: FrozenStates) -> int:
    return sum(
        tensor.nbytes for states in cache._states for own in states for tensor in own.values()
    )


@pytest.mark.parametrize(("layers", "states"), [("mix", 4), ("concatenated", 4), ("last", 1)])
def test_bytes_are_those_of_the_cache(pretrained_folder: Path, layers: str, states: int) -> None:
    encoder = encoder_of(pretrained_folder, layers=layers)
    tokens = sum(len(sentence.tokens) for sentence in SENTENCES)
    assert frozen_bytes(encoder, SENTENCES) == tokens * 2 * 16 * states
    assert frozen_bytes(encoder, SENTENCES * 9) == bytes_of(computed(encoder, SENTENCES * 9))
    assert frozen_bytes(encoder, []) == 0


def test_bytes_below_trained_layers_count_pieces_too(pretrained_folder: Path) -> None:
    encoder = encoder_of(pretrained_folder, trained_layers=1)
    assert len(SENTENCES) <= SAMPLED
    assert frozen_bytes(encoder, SENTENCES) == bytes_of(computed(encoder))
    many = SENTENCES * 20
    assert frozen_bytes(encoder, many) == pytest.approx(bytes_of(computed(encoder, many)), rel=0.2)


def test_without_a_frozen_encoder_there_is_nothing_to_cache(pretrained_folder: Path) -> None:
    assert frozen_bytes(encoder_of(pretrained_folder, trained_layers="all"), SENTENCES) == 0
    assert frozen_bytes(tiny_model().encoder, SENTENCES) == 0
