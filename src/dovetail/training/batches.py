"""Batches of sentences of similar length, by their indices."""

from __future__ import annotations

import bisect
import itertools
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dovetail.text.named_schemas import ONLY
from dovetail.text.reading_ahead import batches_of_similar_length

POOL_BATCHES = 100
"""Batches are cut from pools of so many batches, sorted by length: even lengths, random company."""

ENCODED_AT_ONCE = 64
"""Sentences in a batch while the frozen states are computed."""

TOKENS_AT_ONCE = 8192
"""Tokens in a batch for work whose order does not matter, padding included: 64 sentences of up to
128 tokens, or fewer longer ones."""


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
