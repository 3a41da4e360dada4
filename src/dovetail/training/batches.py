"""Batches of sentences of similar length, and what frozen encoders make of them, computed once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from dovetail.document import Sentence
from dovetail.encoders import ConcatenatedEncoder, Features
from dovetail.features import Batch

POOL_BATCHES = 20
"""Batches are cut from pools of so many batches, sorted by length: even lengths, random company."""

ENCODED_AT_ONCE = 64
"""Sentences in a batch while the frozen states are computed."""


def shuffled_batches(lengths: Sequence[int], *, batch_size: int, seed: int) -> list[list[int]]:
    """Sentence indices in batches of similar length, in an order that the seed decides.

    Every index is in exactly one batch.
    """
    order = list(range(len(lengths)))
    shuffle = random.Random(seed)
    shuffle.shuffle(order)
    batches = []
    pool_size = POOL_BATCHES * batch_size
    for start in range(0, len(order), pool_size):
        pool = sorted(order[start : start + pool_size], key=lambda index: lengths[index])
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    shuffle.shuffle(batches)
    return batches


@dataclass(frozen=True)
class Pool:
    """Sentences that stand one after another, and how many of them an epoch reads."""

    size: int
    drawn: int


def draw(pools: Sequence[Pool], *, seed: int) -> list[int]:
    """The sentence indices that an epoch reads, ascending; the seed decides about each pool.

    The indices go on from pool to pool.
    """
    chance = random.Random(f"draw {seed}")  # apart from the chance that shuffles
    indices: list[int] = []
    start = 0
    for pool in pools:
        chosen = chance.sample(range(start, start + pool.size), pool.drawn)
        indices += sorted(chosen)
        start += pool.size
    return indices


def batches_by_length(lengths: Sequence[int], *, batch_size: int) -> list[list[int]]:
    """Sentence indices in batches, longest first, for work whose order does not matter."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


class FrozenStates:
    """What the frozen part of each encoder makes of some sentences, kept for all epochs.

    All tokens of all sentences lie in one tensor for each encoder, on the device of the encoders; a
    batch is an index away.
    """

    def __init__(self, states: list[Tensor | None], starts: Int[Tensor, " sentences"]) -> None:
        self._states = states
        self._starts = starts

    @classmethod
    @torch.no_grad()
    def compute(
        cls, encoder: ConcatenatedEncoder, sentences: Sequence[Sentence]
    ) -> Generator[int, None, FrozenStates]:
        """Encode all sentences; yields how many are done, returns the states.

        The batches are cut by length alone, so that a resumed run gets the same bits again.
        """
        lengths = [len(sentence.tokens) for sentence in sentences]
        starts = torch.tensor([0, *lengths]).cumsum(0)
        device = device_of(encoder)
        stored: list[Tensor | None] = []
        done = 0
        for indices in batches_by_length(lengths, batch_size=ENCODED_AT_ONCE):
            batch = Batch.from_sentences([sentences[i] for i in indices], encoder.featurise)
            states = encoder.states(batch.to(device).features)
            if not stored:
                stored = [cls._room(state, int(starts[-1])) for state in states]
            for room, state in zip(stored, states, strict=True):
                if room is not None and state is not None:
                    for row, index in enumerate(indices):
                        start, length = int(starts[index]), lengths[index]
                        room[start : start + length] = state[row, :length]
            done += len(indices)
            yield done
        return cls(stored, starts)

    @property
    def num_bytes(self) -> int:
        """The memory that they take."""
        return sum(state.nbytes for state in self._states if state is not None)

    @staticmethod
    def _room(state: Tensor | None, num_tokens: int) -> Tensor | None:
        """Room for all tokens, in half precision where the states are in single."""
        if state is None:
            return None
        dtype = torch.float16 if state.dtype == torch.float32 else state.dtype
        return state.new_empty(num_tokens, *state.shape[2:], dtype=dtype)

    def features(
        self, encoder: ConcatenatedEncoder, words: Sequence[Sequence[str]], indices: Sequence[int]
    ) -> list[Features]:
        """What the encoders read for the sentences of these indices, whose tokens are `words`."""
        longest = max(len(tokens) for tokens in words)
        positions = self._starts[list(indices)].unsqueeze(1) + torch.arange(longest)
        positions = positions.clamp(max=int(self._starts[-1]) - 1)  # padding may read anything
        return [
            part.featurise(words) if states is None else {"states": states[positions]}
            for part, states in zip(encoder, self._states, strict=True)
        ]


@dataclass(frozen=True)
class EncodedSentences:
    """Some sentences, and what frozen encoders make of them where that is kept."""

    sentences: Sequence[Sentence]
    states: FrozenStates | None = None

    def batch(self, indices: Sequence[int], encoder: ConcatenatedEncoder) -> Batch:
        """The sentences of these indices as a batch."""
        chosen = [self.sentences[index] for index in indices]
        states = self.states
        if states is None:
            return Batch.from_sentences(chosen, encoder.featurise)
        return Batch.from_sentences(chosen, lambda words: states.features(encoder, words, indices))

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sentence."""
        return [len(sentence.tokens) for sentence in self.sentences]


def frozen_bytes_per_token(encoder: ConcatenatedEncoder) -> int:
    """What a token's frozen states take in `FrozenStates`, in bytes; 0 if nothing is frozen."""
    return sum(2 * state[0, 0].numel() for state in states_of_word(encoder) if state is not None)


@torch.no_grad()
def states_of_word(encoder: ConcatenatedEncoder) -> list[Tensor | None]:
    """The frozen states of a sentence of one word: which encoders have any, and of what size."""
    word = Batch.from_sentences([Sentence.from_tokens(["word"])], encoder.featurise)
    return encoder.states(word.to(device_of(encoder)).features)


def device_of(encoder: ConcatenatedEncoder) -> torch.device:
    """Where the encoders are; the CPU if they have nothing that could be elsewhere."""
    tensors = itertools.chain(encoder.parameters(), encoder.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))
