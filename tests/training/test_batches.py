from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import SENTENCES
from tests.networks import ENCODERS, pretrained, tiny_config, tiny_model

from dovetail.encoders import ConcatenatedEncoder
from dovetail.features import Batch
from dovetail.training.batches import (
    ENCODED_AT_ONCE,
    POOL_BATCHES,
    FrozenStates,
    batches_by_length,
    frozen_bytes_per_token,
    shuffled_batches,
)

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


def encoder_of(folder: Path) -> ConcatenatedEncoder:
    config = tiny_config(encoders=(pretrained(folder), *ENCODERS))
    return tiny_model(config).encoder.eval()


def computed(encoder: ConcatenatedEncoder) -> FrozenStates:
    states = FrozenStates.compute(encoder, SENTENCES)
    while True:
        try:
            next(states)
        except StopIteration as finished:
            found: FrozenStates = finished.value
            return found


def test_cached_states_give_the_vectors_of_the_encoder(pretrained_folder: Path) -> None:
    encoder = encoder_of(pretrained_folder)
    cache = computed(encoder)
    for indices in ([3], [0, 29, 4, 5], list(range(len(SENTENCES)))):
        sentences = [SENTENCES[index] for index in indices]
        direct = Batch.from_sentences(sentences, encoder.featurise)
        cached = Batch.from_sentences(
            sentences, lambda words, chosen=indices: cache.features(encoder, words, chosen)
        )
        # Half precision in the cache: about three digits.
        torch.testing.assert_close(
            encoder(cached.features)[direct.mask],
            encoder(direct.features)[direct.mask],
            atol=2e-3,
            rtol=2e-3,
        )


def test_caching_tells_how_far_it_is(pretrained_folder: Path) -> None:
    done = list(FrozenStates.compute(encoder_of(pretrained_folder), SENTENCES * 5))
    assert done == [ENCODED_AT_ONCE, 2 * ENCODED_AT_ONCE, 5 * len(SENTENCES)]


@pytest.mark.parametrize(("layers", "states"), [("mix", 4), ("concatenated", 4), ("last", 1)])
def test_bytes_per_token_are_those_of_the_cache(
    pretrained_folder: Path, layers: str, states: int
) -> None:
    config = tiny_config(encoders=(pretrained(pretrained_folder, layers=layers), *ENCODERS))
    assert frozen_bytes_per_token(tiny_model(config).encoder) == 2 * 16 * states


def test_without_a_frozen_encoder_there_is_nothing_to_cache(pretrained_folder: Path) -> None:
    trained = tiny_config(encoders=(pretrained(pretrained_folder, trained_layers=1),))
    assert frozen_bytes_per_token(tiny_model(trained).encoder) == 0
    assert frozen_bytes_per_token(tiny_model().encoder) == 0
