"""The encodings that training keeps for all its epochs: what frozen encoders make of sentences."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from dovetail.config import TrainingConfig
from dovetail.document import Sentence
from dovetail.model import JointModel
from dovetail.training.batches import EncodedSentences, FrozenStates, frozen_bytes
from dovetail.training.states_cache import StatesCache, key_of_states


@dataclass(frozen=True)
class EncodingProgress:
    """Sentences whose frozen encodings are done, of all."""

    done: int
    total: int


def encoded(
    model: JointModel, sentences: Sequence[Sentence], config: TrainingConfig, cache: StatesCache
) -> Generator[EncodingProgress, None, EncodedSentences]:
    """Compute what frozen encoders make of the sentences, if there is room for it.

    Without room, it is computed anew for every batch: slower, and the same but for the half
    precision in which it is kept.
    """
    size = frozen_bytes(model.encoder, sentences)
    room = config.cache_gigabytes * 1e9
    if not 0 < size <= room:
        return EncodedSentences(sentences)
    key = key_of_states(model.encoder, sentences)
    states = cache.get(key)
    if states is None:
        states = yield from _computed(model, sentences)
        cache.put(key, states, limit_bytes=room)
    return EncodedSentences(sentences, states)


def _computed(
    model: JointModel, sentences: Sequence[Sentence]
) -> Generator[EncodingProgress, None, FrozenStates]:
    steps = FrozenStates.compute(model.encoder, sentences)
    while True:
        try:
            yield EncodingProgress(next(steps), len(sentences))
        except StopIteration as finished:
            states: FrozenStates = finished.value
            return states
