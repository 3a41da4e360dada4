"""Which negatives join the dev set: those of its own documents first, whole others next."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dovetail.text.document import Sentence
from dovetail.text.wording import wording
from dovetail.training.pools import LeftOut

FIELD, IN_DEV_FIELD = "data.negatives", "data.negatives_in_dev"
HELD_OUT, IN_DEV = "in data.held_out", "in the dev set"
OF_DEV = "of a document that a dev sentence is of"
OF_SCORED = {HELD_OUT: "of a document that a sentence of data.held_out is of", IN_DEV: OF_DEV}
"""Why a document is kept out, by why its sentences are."""

Known = Mapping[str, Collection[str]]
"""Wordings that are not learned from, by the reason."""


@dataclass(frozen=True)
class NegativeDocument:
    """Sentences of a document, and why they are not learned from; None if they are."""

    sentences: tuple[Sentence, ...]
    reason: str | None


@dataclass(frozen=True)
class Divided:
    """The sentences of negatives that are learned from, chosen by, and neither."""

    learned: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    left_out: tuple[LeftOut, ...]


def divided(documents: Sequence[NegativeDocument], number: int, seed: int, known: Known) -> Divided:
    """Choose so many sentences for the dev set, or as many as there are.

    Negatives of documents that a dev sentence is of cannot be learned from anyway, so they come
    first.  Of a document that is chosen from, nothing is learned.

    Args:
        documents: the negatives.
        number: sentences for the dev set.
        seed: the same seed chooses the same ones.
        known: wordings that are not chosen.
    """
    order = random.Random(seed).sample(range(len(documents)), len(documents))
    order.sort(key=lambda index: documents[index].reason is None)  # stable
    dev: list[Sentence] = []
    outcome = list(documents)
    for index in order:
        own = documents[index]
        if own.reason in (None, OF_DEV) and len(dev) < number:
            fresh = [
                place
                for place, sentence in enumerate(own.sentences)
                if not any(wording(sentence) in others for others in known.values())
            ][: number - len(dev)]
            dev += (own.sentences[place] for place in fresh)
            rest = tuple(s for place, s in enumerate(own.sentences) if place not in fresh)
            outcome[index] = NegativeDocument(rest, OF_DEV if fresh else own.reason)
    return Divided(
        tuple(sentence for own in outcome if own.reason is None for sentence in own.sentences),
        tuple(dev),
        tuple(_left_out(outcome)),
    )


def _left_out(documents: Sequence[NegativeDocument]) -> Iterator[LeftOut]:
    for own in documents:
        if own.reason is not None:
            for sentence in own.sentences:
                yield LeftOut(sentence, FIELD, own.reason)


def notes_of_dev(number: int) -> Iterator[str]:
    """What is to be said of so many negatives in the dev set."""
    if number:
        yield f"{IN_DEV_FIELD}: {number:,} negatives are in the dev set"
