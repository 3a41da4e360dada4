"""What frozen encoders make of sentences, computed once for all epochs, in memory or in a file."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from functools import partial

import torch

from dovetail.encoders import ConcatenatedEncoder, Features
from dovetail.model.side_by_side import side_by_side, threads_for
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.stored_sentences import lengths_of
from dovetail.training.batches import ENCODED_AT_ONCE, batches_by_length
from dovetail.training.features_file import FeaturesFile

SAMPLED = 32
"""Of so many sentences at most the frozen states are measured before room is made for all."""


class FrozenStates:
    """The states of the frozen part of each encoder for some sentences, kept for all epochs.

    For each encoder it holds what `Encoder.split` gives for each sentence, in half precision;
    nothing for an encoder that has nothing to keep.  They are on the device of the encoders, or in
    a file.

    Args:
        states: of each encoder, those of the sentences in any order.
        places: where in that order each sentence is.
    """

    def __init__(
        self, states: Sequence[Sequence[Features] | FeaturesFile], places: Sequence[int]
    ) -> None:
        self._states, self._places = states, places

    @classmethod
    @torch.no_grad()
    def compute(
        cls,
        encoder: ConcatenatedEncoder,
        sentences: Sequence[Sentence],
        *,
        in_file: bool = False,
    ) -> Generator[int, None, FrozenStates]:
        """Encode all sentences; yields how many are done, returns the states.

        The batches are cut by length alone, so that a resumed run gets the same bits again.
        """
        lengths = lengths_of(sentences)
        device = device_of(encoder)
        stored: list[list[Features] | FeaturesFile] = [
            FeaturesFile(device) if in_file else [] for _ in encoder
        ]
        order: list[int] = []
        parts = batches_by_length(lengths, batch_size=ENCODED_AT_ONCE)
        encoded = side_by_side(
            partial(states_of, encoder),
            ([sentences[index] for index in indices] for indices in parts),
            threads=threads_for(device),
        )
        for indices, states in zip(parts, encoded, strict=True):
            for known, own in zip(stored, states, strict=True):
                known.extend(own)
            order += indices
            yield len(order)
        places = sorted(range(len(order)), key=order.__getitem__)
        return cls(stored, places)

    @property
    def num_bytes(self) -> int:
        """The memory that they take, what is in files not counted."""
        return sum(
            tensor.nbytes
            for own in self._states
            if not isinstance(own, FeaturesFile)
            for states in own
            for tensor in states.values()
        )

    def features(
        self, encoder: ConcatenatedEncoder, words: Sequence[Sequence[str]], indices: Sequence[int]
    ) -> list[Features]:
        """The encoders' inputs for the sentences of these indices, whose tokens are `words`."""
        return [
            part.merge(words, [own[self._places[index]] for index in indices])
            if own
            else part.featurise(words)
            for part, own in zip(encoder, self._states, strict=True)
        ]


@torch.no_grad()
def states_of(encoder: ConcatenatedEncoder, sentences: Sequence[Sentence]) -> list[list[Features]]:
    """For each encoder, the frozen states of each sentence, or nothing if there are none to keep.

    What is in single precision comes in half precision.
    """
    batch = Batch.from_sentences(sentences, encoder.featurise).to(device_of(encoder))
    lengths = batch.mask.sum(1).tolist()
    return [
        [_halved(states) for states in part.split(own, lengths)] if "states" in own else []
        for part, own in zip(encoder, encoder.with_states(batch.features), strict=True)
    ]


def _halved(states: Features) -> Features:
    """Copies of their own in at most two bytes a number."""
    return {
        name: tensor.to(torch.float16 if tensor.dtype == torch.float32 else tensor.dtype, copy=True)
        for name, tensor in states.items()
    }


def frozen_bytes(encoder: ConcatenatedEncoder, sentences: Sequence[Sentence]) -> int:
    """The bytes that `FrozenStates` takes for some sentences; 0 if there is nothing to keep.

    It is reckoned from a sample of them, by the number of tokens.
    """
    step = -(-len(sentences) // SAMPLED)
    sample = sentences[:: max(1, step)]
    if not sample:
        return 0
    size = sum(
        tensor.nbytes
        for states in states_of(encoder, sample)
        for own in states
        for tensor in own.values()
    )
    tokens, sampled = (sum(lengths_of(some)) for some in (sentences, sample))
    return round(size * tokens / sampled)


def device_of(encoder: ConcatenatedEncoder) -> torch.device:
    """Where the encoders are; the CPU if they have nothing that could be elsewhere."""
    tensors = itertools.chain(encoder.parameters(), encoder.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))
