"""Batches of sentences of similar length, and what frozen encoders make of them, computed once."""

from __future__ import annotations

import bisect
import itertools
import random
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

import torch

from dovetail.encoders import ConcatenatedEncoder, Features
from dovetail.tensors.features import Batch
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY
from dovetail.text.reading_ahead import batches_of_similar_length
from dovetail.text.windowed import Windowed
from dovetail.training.lesson import Lesson

POOL_BATCHES = 100
"""Batches are cut from pools of so many batches, sorted by length: even lengths, random company."""

ENCODED_AT_ONCE = 64
"""Sentences in a batch while the frozen states are computed."""

TOKENS_AT_ONCE = 8192
"""Tokens in a batch for work whose order does not matter, padding included: 64 sentences of up to
128 tokens, or fewer longer ones."""

SAMPLED = 32
"""Of so many sentences at most the frozen states are measured before room is made for all."""


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
class Portion:
    """Sentences of one schema that stand one after another, and how many of them an epoch reads.

    If that is more than there are, it reads some again.  In `negative` ones nothing is related.
    """

    size: int
    drawn: int
    schema: str = ONLY
    negative: bool = False


def draw(portions: Sequence[Portion], *, seed: int) -> list[int]:
    """The sentence indices that an epoch reads, ascending; the seed decides about each portion.

    The indices go on from portion to portion.
    """
    chance = random.Random(f"draw {seed}")  # apart from the chance that shuffles
    indices: list[int] = []
    start = 0
    for portion in portions:
        whole = range(start, start + portion.size)
        times = max(0, portion.drawn - 1) // max(1, portion.size)
        chosen = chance.sample(whole, portion.drawn - times * portion.size)
        indices += sorted([*chosen, *(list(whole) * times)])
        start += portion.size
    return indices


def epoch_batches(
    portions: Sequence[Portion], lengths: Sequence[int], *, batch_size: int, seed: int
) -> list[tuple[str, list[int]]]:
    """The batches of an epoch, each with its schema: drawn and shuffled by the seed.

    Args:
        portions: which sentences there are.
        lengths: their numbers of tokens.
        batch_size: sentences in a batch.
        seed: of the epoch.
    """
    drawn_by_schema: dict[str, list[int]] = {portion.schema: [] for portion in portions}
    drawn = draw(portions, seed=seed)
    for index, place in zip(drawn, places_of(drawn, portions), strict=True):
        drawn_by_schema[portions[place].schema].append(index)
    batches = []
    for schema, own in drawn_by_schema.items():
        of_schema = [lengths[index] for index in own]
        for places in shuffled_batches(of_schema, batch_size=batch_size, seed=seed):
            batches.append((schema, [own[place] for place in places]))
    if len(drawn_by_schema) > 1:
        random.Random(f"schemas {seed}").shuffle(batches)
    return batches


def places_of(indices: Iterable[int], portions: Sequence[Portion]) -> list[int]:
    """The place of the portion that each sentence index is in.

    >>> places_of([0, 1, 2, 4], [Portion(2, 2), Portion(0, 0), Portion(3, 3)])
    [0, 0, 2, 2]
    """
    starts = list(itertools.accumulate((portion.size for portion in portions), initial=0))
    return [bisect.bisect_right(starts, index) - 1 for index in indices]


def number_of_batches(portions: Iterable[Portion], batch_size: int) -> int:
    """How many batches an epoch has."""
    drawn: Counter[str] = Counter()
    for portion in portions:
        drawn[portion.schema] += portion.drawn
    return sum(-(-number // batch_size) for number in drawn.values())


def batches_by_length(lengths: Sequence[int], *, batch_size: int) -> list[list[int]]:
    """Sentence indices in batches, longest first, for work whose order does not matter.

    A batch has at most `batch_size` sentences and, unless it is a single one, `TOKENS_AT_ONCE`.
    """
    return list(
        batches_of_similar_length(
            lengths, most_tokens=TOKENS_AT_ONCE, most_sentences=batch_size, longest_first=True
        )
    )


class FrozenStates:
    """The states of the frozen part of each encoder for some sentences, kept for all epochs.

    For each encoder it holds what `Encoder.split` gives for each sentence, in half precision and on
    the device of the encoders; nothing for an encoder that has nothing to keep.
    """

    def __init__(self, states: list[list[Features]]) -> None:
        self._states = states

    @classmethod
    @torch.no_grad()
    def compute(
        cls, encoder: ConcatenatedEncoder, sentences: Sequence[Sentence]
    ) -> Generator[int, None, FrozenStates]:
        """Encode all sentences; yields how many are done, returns the states.

        The batches are cut by length alone, so that a resumed run gets the same bits again.
        """
        lengths = [len(sentence.tokens) for sentence in sentences]
        stored: list[list[Features]] = [[] for _ in encoder]
        order: list[int] = []
        for indices in batches_by_length(lengths, batch_size=ENCODED_AT_ONCE):
            states = states_of(encoder, [sentences[index] for index in indices])
            for known, own in zip(stored, states, strict=True):
                known += own
            order += indices
            yield len(order)
        places = sorted(range(len(order)), key=order.__getitem__)
        return cls([[own[place] for place in places] if own else [] for own in stored])

    @property
    def num_bytes(self) -> int:
        """The memory that they take."""
        return sum(
            tensor.nbytes for own in self._states for states in own for tensor in states.values()
        )

    def features(
        self, encoder: ConcatenatedEncoder, words: Sequence[Sequence[str]], indices: Sequence[int]
    ) -> list[Features]:
        """The encoders' inputs for the sentences of these indices, whose tokens are `words`."""
        return [
            part.merge(words, [own[index] for index in indices]) if own else part.featurise(words)
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


@dataclass(frozen=True)
class EncodedSentences:
    """Some sentences, and what frozen encoders make of them where that is kept.

    `taught` is what a teacher says of each sentence, if there is one.  `windowed` are the longer
    sentences whose windows these are, if they are windows.  `schema` is the one that all of them
    are annotated in, unless batches name theirs.  `negatives` are the indices of those in which
    nothing is related.
    """

    sentences: Sequence[Sentence]
    states: FrozenStates | None = None
    taught: Lesson | None = None
    windowed: Windowed | None = None
    schema: str = ONLY
    negatives: frozenset[int] = frozenset()

    @property
    def gold(self) -> Sequence[Sentence]:
        """The sentences as they were before they were cut: what scores are made on."""
        return self.sentences if self.windowed is None else self.windowed.sentences

    def merged(self, predicted: Sequence[Sentence]) -> list[Sentence]:
        """The predictions for the sentences, as predictions of `gold`."""
        return [*predicted] if self.windowed is None else self.windowed.merged(predicted)

    def batch(
        self, indices: Sequence[int], encoder: ConcatenatedEncoder, schema: str | None = None
    ) -> Batch:
        """The sentences of these indices as a batch."""
        chosen = [self.sentences[index] for index in indices]
        states = self.states
        if states is None:
            batch = Batch.from_sentences(chosen, encoder.featurise)
        else:
            batch = Batch.from_sentences(
                chosen, lambda words: states.features(encoder, words, indices)
            )
        taught = None if self.taught is None else self.taught.batch(indices)
        unrelated = [index in self.negatives for index in indices]
        return replace(
            batch,
            taught=taught,
            schema=self.schema if schema is None else schema,
            unrelated=torch.tensor(unrelated) if any(unrelated) else None,
        )

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sentence."""
        return [len(sentence.tokens) for sentence in self.sentences]


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
    tokens, sampled = (sum(len(s.tokens) for s in some) for some in (sentences, sample))
    return round(size * tokens / sampled)


def device_of(encoder: ConcatenatedEncoder) -> torch.device:
    """Where the encoders are; the CPU if they have nothing that could be elsewhere."""
    tensors = itertools.chain(encoder.parameters(), encoder.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))
