"""Which texts to annotate: those that are doubted most, of rare types, and unlike each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from dovetail.suggestion.doubts import Doubted

HELD_FOR_EACH = 40
"""Texts that are held for each one that is to be chosen, at least."""

HELD = 2000
"""Texts that are held, at least."""

RAREST, COMMONEST = 3.0, 0.5
"""What doubts about types count, at most and at least, by how rare they are."""


@dataclass(frozen=True)
class Chosen:
    """The texts to annotate, best first, and out of how many."""

    texts: tuple[Doubted, ...]
    read: int


def chosen(texts: Iterable[Doubted], number: int) -> Chosen:
    """Choose so many texts one after another.

    Each time it is the one with the highest score, times how much it differs from what was chosen
    before: 1 - cosine to the nearest.  The score is the mistakes to expect, those about rare types
    counting more, over the square root of the tokens: between the mistakes of a text, of which long
    ones have most, and those of a token, of which short ones do.

    Memory is for the texts with the best scores, not for all.
    """
    most = max(HELD, HELD_FOR_EACH * number)
    expected: Counter[str] = Counter()
    held: list[Doubted] = []
    read = 0
    for text in texts:
        read += 1
        expected.update(text.expected)
        held.append(text)
        if len(held) >= 2 * most:
            held = _best(held, expected, most)
    held = _best(held, expected, most)
    return Chosen(tuple(_different(held, scores(held, weights_of(expected)), number)), read)


def weights_of(expected: Mapping[str, float]) -> dict[str, float]:
    """What a doubt about each type counts: the root of how much rarer it is than the mean."""
    if not expected:
        return {}
    mean = sum(expected.values()) / len(expected) + 1
    return {
        type_: float(np.clip(np.sqrt(mean / (count + 1)), COMMONEST, RAREST))
        for type_, count in expected.items()
    }


def scores(texts: Iterable[Doubted], weights: Mapping[str, float]) -> Float[np.ndarray, " texts"]:
    """The score of each text on its own."""
    return np.array([_score(text, weights) for text in texts])


def _score(text: Doubted, weights: Mapping[str, float]) -> float:
    entities = [entity for own in text.document.sentences for entity in own.entities]
    rarity = np.mean([weights.get(own.type, 1.0) for own in entities]) if entities else 1.0
    mistakes = rarity * text.entities + sum(
        weights.get(type_, 1.0) * doubt for type_, doubt in text.relations.items()
    )
    return float(mistakes / np.sqrt(text.tokens))


def _best(texts: list[Doubted], expected: Mapping[str, float], most: int) -> list[Doubted]:
    if len(texts) <= most:
        return texts
    kept = np.argsort(-scores(texts, weights_of(expected)), kind="stable")[:most]
    return [texts[index] for index in sorted(kept)]


def _different(
    texts: list[Doubted], values: Float[np.ndarray, " texts"], number: int
) -> list[Doubted]:
    """Choose greedily; of equal ones the first."""
    if not texts:
        return []
    vectors = np.stack([text.vector for text in texts]).astype(np.float64)
    vectors -= vectors.mean(0)  # what all texts have in common says nothing of how they differ
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    nearest = np.zeros(len(texts))
    taken: list[int] = []
    for _ in range(min(number, len(texts))):
        gains = values * (1 - nearest)
        gains[taken] = -np.inf
        taken.append(int(np.argmax(gains)))
        nearest = np.maximum(nearest, np.clip(vectors @ vectors[taken[-1]], 0, 1))
    return [texts[index] for index in taken]
