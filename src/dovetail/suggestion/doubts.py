"""How many mistakes a model expects to make in a text, by its own probabilities.

Where a model is calibrated, a decision with the probability p is wrong in min(p, 1 - p) of the
cases.  The sum over all decisions is the number of mistakes to expect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
import torch
from jaxtyping import Float

from dovetail.extractor import Extractor
from dovetail.model.asked_schemas import AskedSchemas
from dovetail.remembering import Remembering
from dovetail.tensors.features import Batch
from dovetail.text.document import Document, Relation, Sentence
from dovetail.text.reading_ahead import batches_of_similar_length, buffers
from dovetail.text.windowed import Windowed

LOWEST = 0.02
"""The probability below which a relation is no decision to doubt: there are too many of them."""


@dataclass(frozen=True)
class Doubted:
    """A text with what a model predicts in it, and how much of that it doubts.

    Attributes:
        document: the text with the predictions, annotated for nothing.
        tokens: how many it has.
        entities: tokens of which the model expects to be wrong, in tokens.
        relations: relations of each type that it expects to find wrongly or to miss.
        expected: entities and relations of each type that it expects there to be.
        vector: its mean token vector, which texts are compared by.
    """

    document: Document
    tokens: int
    entities: float
    relations: Mapping[str, float]
    expected: Mapping[str, float]
    vector: Float[np.ndarray, " dim"]

    @property
    def mistakes(self) -> float:
        """The mistakes to expect."""
        return self.entities + sum(self.relations.values())


def doubted(extractor: Extractor, documents: Iterable[Document]) -> Iterator[Doubted]:
    """The documents with the doubts of a model, in their order, with memory for a part of them.

    Those without a word are left out.
    """
    thresholds = AskedSchemas(extractor.model, extractor.chosen).exact_thresholds
    for buffered in buffers(own for own in documents if any(s.tokens for s in own.sentences)):
        sentences = [sentence for document in buffered for sentence in document.sentences]
        lower = Remembering.of(extractor.down_to(LOWEST))  # no batch comes again after its buffer
        of_tokens = _doubted_tokens(lower, sentences)
        found = lower.annotate(sentences)
        ends = list(accumulate((len(document.sentences) for document in buffered), initial=0))
        for document, (start, end) in zip(buffered, pairwise(ends), strict=True):
            yield _doubted(document, found[start:end], of_tokens[start:end], thresholds)


def _doubted(
    document: Document,
    found: Sequence[Sentence],
    of_tokens: Sequence[tuple[float, Float[np.ndarray, " dim"]]],
    thresholds: Mapping[str, float],
) -> Doubted:
    relations: defaultdict[str, float] = defaultdict(float)
    expected: defaultdict[str, float] = defaultdict(float)
    for sentence in found:
        for entity in sentence.entities:
            expected[entity.type] += _probability(entity.confidence)
        for relation in sentence.relations:
            expected[relation.type] += _probability(relation.confidence)
            probability = _probability(relation.confidence)
            relations[relation.type] += min(probability, 1 - probability)
    lengths = [len(sentence.tokens) for sentence in found]
    vectors = [vector for _, vector in of_tokens]
    return Doubted(
        replace(document, sentences=tuple(_predicted(own, thresholds) for own in found)),
        tokens=sum(lengths),
        entities=sum(doubt for doubt, _ in of_tokens),
        relations=relations,
        expected=expected,
        vector=_mean(vectors, lengths),
    )


def _probability(confidence: float | None) -> float:
    return 1.0 if confidence is None else confidence


def _predicted(sentence: Sentence, thresholds: Mapping[str, float]) -> Sentence:
    """The sentence as the model would annotate it, and nobody has confirmed."""

    def taken(relation: Relation) -> bool:
        return _probability(relation.confidence) >= thresholds[relation.type]

    kept = sentence.with_annotations(sentence.entities, filter(taken, sentence.relations))
    return replace(kept, annotated=frozenset())


def _doubted_tokens(
    extractor: Extractor, sentences: Sequence[Sentence]
) -> list[tuple[float, Float[np.ndarray, " dim"]]]:
    """For each sentence the tokens that the model expects to be wrong of, and its vector."""
    windowed = Windowed.of((own.without_annotations() for own in sentences), extractor.reading)
    parts = windowed.parts
    found: list[tuple[float, Float[np.ndarray, " dim"]]] = [(0.0, np.zeros(1))] * len(parts)
    full = [place for place, part in enumerate(parts) if part.tokens]
    for batch in batches_of_similar_length([len(parts[place].tokens) for place in full]):
        places = [full[index] for index in batch]
        measured = _measured(extractor, [parts[place] for place in places])
        for place, own in zip(places, measured, strict=True):
            found[place] = own
    remaining = iter(zip(parts, found, strict=True))
    return [
        _of_whole(sentence, [next(remaining) for _ in windows])
        for sentence, windows in zip(windowed.sentences, windowed.windows, strict=True)
    ]


@torch.inference_mode()
def _measured(
    extractor: Extractor, sentences: Sequence[Sentence]
) -> list[tuple[float, Float[np.ndarray, " dim"]]]:
    model = extractor.model
    batch = Batch.from_sentences(sentences, extractor.featurise).to(model.device)
    names = AskedSchemas(model, extractor.chosen).names
    streams = model.streams(batch, names)
    doubts = torch.zeros(len(sentences), dtype=torch.float64, device=model.device)
    for name in names:
        emissions = model.emissions(streams, name)
        probable = model.of_schema(name).entity_head.token_probabilities(emissions, batch.mask)
        # A token with one right label is wrong if that one is missing, and another is in its place.
        doubts += torch.minimum(probable, 1 - probable).double().sum((1, 2)) / 2
    first = next(iter(streams[0].by_task.values())).float()
    lengths = batch.mask.sum(1, keepdim=True)
    means = (first * batch.mask.unsqueeze(2)).sum(1) / lengths
    return list(zip(doubts.tolist(), means.cpu().numpy(), strict=True))


def _of_whole(
    sentence: Sentence, windows: Sequence[tuple[Sentence, tuple[float, Float[np.ndarray, " dim"]]]]
) -> tuple[float, Float[np.ndarray, " dim"]]:
    """The measures of a sentence from those of its windows, which overlap."""
    lengths = [len(window.tokens) for window, _ in windows]
    if len(windows) == 1:
        return windows[0][1]
    share = len(sentence.tokens) / sum(lengths)
    doubts = share * sum(doubt for _, (doubt, _) in windows)
    return doubts, _mean([vector for _, (_, vector) in windows], lengths)


def _mean(
    vectors: Sequence[Float[np.ndarray, " dim"]], lengths: Sequence[int]
) -> Float[np.ndarray, " dim"]:
    """The mean by tokens of those that have any."""
    full = [(vector, length) for vector, length in zip(vectors, lengths, strict=True) if length]
    return np.average([vector for vector, _ in full], axis=0, weights=[own for _, own in full])
