"""Sentences longer than a model should read at once: cut into overlapping windows, and merged.

Nothing is truncated: every token is in some window, and an entity of up to `overlap_tokens` tokens
is whole in at least one.  Where windows overlap, the one in which an entity lies further from a cut
decides about it, because it sees more context on the entity's poorer side.

This module knows nothing of models or pieces: whoever calls it says how many tokens fit.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from dovetail.text.document import Entity, Relation, Sentence

Annotation = TypeVar("Annotation", Entity, Relation)


@dataclass(frozen=True, slots=True)
class Window:
    """The tokens ``[start, end)`` of a longer sentence, as a sentence of their own.

    Its character offsets are those of the long sentence; its entities count from its own start.
    """

    sentence: Sentence
    start: int

    @property
    def end(self) -> int:
        """The index, in the long sentence, after the window's last token."""
        return self.start + len(self.sentence.tokens)


def cut(sentence: Sentence, *, max_tokens: int, overlap_tokens: int) -> list[Window]:
    """Cut a sentence into windows of at most `max_tokens` tokens that cover every token.

    Neighbours share at least `overlap_tokens` tokens.  The last window is moved back to full length
    rather than left with a few tokens and no context.  A window keeps the annotations that lie
    wholly within it.  A sentence that fits is its own only window, unchanged.

    Raises:
        ValueError: unless ``0 <= overlap_tokens < max_tokens``.
    """
    if not 0 <= overlap_tokens < max_tokens:
        raise ValueError(
            f"windows of {max_tokens} tokens cannot overlap by {overlap_tokens}; "
            f"expected 0 <= overlap_tokens < max_tokens"
        )
    length = len(sentence.tokens)
    if length <= max_tokens:
        return [Window(sentence, 0)]
    last_start = length - max_tokens
    starts = [*range(0, last_start, max_tokens - overlap_tokens), last_start]
    return windows_at(sentence, [(start, start + max_tokens) for start in starts])


def windows_at(sentence: Sentence, borders: Iterable[tuple[int, int]]) -> list[Window]:
    """The windows with these borders, each with the annotations that lie wholly within it."""
    entities_within = _within_by_start(sentence.entities, lambda entity: (entity.start, entity.end))
    relations_within = _within_by_start(
        sentence.relations,
        lambda relation: (
            min(relation.head.start, relation.tail.start),
            max(relation.head.end, relation.tail.end),
        ),
    )
    return [
        Window(
            replace(
                sentence,
                tokens=sentence.tokens[start:end],
                offsets=sentence.offsets[start:end],
                unaligned=frozenset(),
                entities=frozenset(entity.moved(-start) for entity in entities_within(start, end)),
                relations=frozenset(
                    _between(relation, relation.head.moved(-start), relation.tail.moved(-start))
                    for relation in relations_within(start, end)
                ),
            ),
            start,
        )
        for start, end in borders
    ]


def _within_by_start(
    annotations: Iterable[Annotation], extent: Callable[[Annotation], tuple[int, int]]
) -> Callable[[int, int], list[Annotation]]:
    """Sort annotations once, to ask quickly which of them lie within ``[start, end)``."""
    ordered = sorted(annotations, key=extent)
    starts = [extent(annotation)[0] for annotation in ordered]

    def within(start: int, end: int) -> list[Annotation]:
        beginning_inside = ordered[bisect_left(starts, start) : bisect_left(starts, end)]
        return [annotation for annotation in beginning_inside if extent(annotation)[1] <= end]

    return within


def merge(sentence: Sentence, windows: Sequence[Window], predicted: Sequence[Sentence]) -> Sentence:
    """Put what was predicted for the windows of a sentence back onto the sentence.

    * An entity is dropped if the window that holds it furthest from a cut saw nothing there.
    * Of overlapping entities from different windows the one further from a cut stays; at equal
      distance the longer one, since a cut shortens.  What one window predicts together stays
      together: nested entities survive, and flat predictions give a flat result.
    * A relation stays if both arguments do, or what took their place: an entity of the same type,
      as the whole one takes that of one that a cut shortened.
    * What is predicted twice keeps the higher confidence.

    Args:
        sentence: the long sentence; annotations that it has are replaced.
        windows: what `cut` made of it.
        predicted: for each window, its tokens with the predicted annotations.

    Raises:
        ValueError: if windows, predictions and sentence do not fit together.
    """
    _check_fit(sentence, windows, predicted)
    if len(windows) == 1:
        return sentence.with_annotations(predicted[0].entities, predicted[0].relations)
    found = _Found.in_windows(len(sentence.tokens), windows, predicted)
    kept = _without_conflicts(
        candidate for candidate in found.candidates() if not found.is_refuted(candidate)
    )
    # An entity that took the place of others counts once.
    return sentence.with_annotations(kept.values(), _relations_between(kept, windows, predicted))


def _check_fit(
    sentence: Sentence, windows: Sequence[Window], predicted: Sequence[Sentence]
) -> None:
    if len(windows) != len(predicted):
        raise ValueError(
            f"{len(windows)} windows and {len(predicted)} predictions; expected one each"
        )
    for window, prediction in zip(windows, predicted, strict=True):
        if len(prediction.tokens) != len(window.sentence.tokens):
            raise ValueError(
                f"the window at token {window.start} has {len(window.sentence.tokens)} tokens, "
                f"its prediction {len(prediction.tokens)}"
            )
        if window.end > len(sentence.tokens):
            raise ValueError(
                f"the window [{window.start}, {window.end}) ends outside the "
                f"{len(sentence.tokens)} tokens of the sentence"
            )


def _between(relation: Relation, head: Entity, tail: Entity) -> Relation:
    return Relation(head, tail, relation.type, relation.confidence)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An entity of the long sentence, the windows that predict it, its margin in the best of them.

    The margin is the distance in tokens to the nearest cut; the ends of the sentence are no cuts.
    """

    entity: Entity
    windows: frozenset[int]
    margin: float

    @property
    def rank(self) -> tuple[float, int, float]:
        """What decides a conflict: the greater one stays."""
        return self.margin, self.entity.end - self.entity.start, _certainty(self.entity)


@dataclass(frozen=True, slots=True)
class _Found:
    """What all windows predict, in positions of the long sentence of `length` tokens."""

    length: int
    starts: list[int]
    ends: list[int]
    windows_by_entity: dict[Entity, list[int]]
    covered: list[bytearray]
    """For each window and each of its tokens, whether the window predicts an entity on it."""

    @classmethod
    def in_windows(
        cls, length: int, windows: Sequence[Window], predicted: Sequence[Sentence]
    ) -> _Found:
        windows_by_entity: dict[Entity, list[int]] = {}
        best: dict[Entity, Entity] = {}
        covered = []
        for number, (window, prediction) in enumerate(zip(windows, predicted, strict=True)):
            on_token = bytearray(len(prediction.tokens))
            for entity in prediction.entities:
                for start, end in entity.pieces:
                    on_token[start:end] = b"\1" * (end - start)
                moved = entity.moved(window.start)
                windows_by_entity.setdefault(moved, []).append(number)
                best[moved] = max(best.get(moved, moved), moved, key=_certainty)
            covered.append(on_token)
        return cls(
            length,
            [window.start for window in windows],
            [window.end for window in windows],
            {best[entity]: numbers for entity, numbers in windows_by_entity.items()},
            covered,
        )

    def candidates(self) -> list[_Candidate]:
        """The entities that some window predicts, in reading order."""
        return [
            _Candidate(
                entity, frozenset(numbers), max(self._margin(number, entity) for number in numbers)
            )
            for entity, numbers in sorted(self.windows_by_entity.items())
        ]

    def is_refuted(self, candidate: _Candidate) -> bool:
        """Whether a window that sees the span further from a cut predicts nothing there."""
        entity = candidate.entity
        # Windows ascend in start and end, so those that hold the span whole are neighbours.
        holders = range(bisect_left(self.ends, entity.end), bisect_right(self.starts, entity.start))
        decider = max(holders, key=lambda number: self._margin(number, entity))
        if self._margin(decider, entity) <= candidate.margin:
            return False
        first = self.starts[decider]
        return not any(self.covered[decider][token - first] for token in entity.tokens)

    def _margin(self, number: int, entity: Entity) -> float:
        start, end = self.starts[number], self.ends[number]
        before = entity.start - start if start > 0 else math.inf
        after = end - entity.end if end < self.length else math.inf
        return min(before, after)


def _certainty(annotation: Entity | Relation) -> float:
    return -math.inf if annotation.confidence is None else annotation.confidence


def _without_conflicts(candidates: Iterable[_Candidate]) -> dict[Entity, Entity]:
    """Keep the candidates of highest rank; maps each to itself, for its confidence.

    One that is not kept is mapped to the highest of its type that stands in its way, if any.
    """
    kept: dict[Entity, Entity] = {}
    kept_by_token: defaultdict[int, list[_Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda candidate: candidate.rank, reverse=True):
        entity = candidate.entity
        conflicts = [
            other
            for token in entity.tokens
            for other in kept_by_token[token]
            if candidate.windows.isdisjoint(other.windows)
        ]
        if not conflicts:
            kept[entity] = entity
            for token in entity.tokens:
                kept_by_token[token].append(candidate)
        same = [other for other in conflicts if other.entity.type == entity.type]
        if same:
            kept[entity] = max(same, key=lambda other: other.rank).entity
    return kept


def _relations_between(
    kept: Mapping[Entity, Entity], windows: Sequence[Window], predicted: Sequence[Sentence]
) -> frozenset[Relation]:
    best: dict[Relation, Relation] = {}
    for window, prediction in zip(windows, predicted, strict=True):
        for relation in prediction.relations:
            head = kept.get(relation.head.moved(window.start))
            tail = kept.get(relation.tail.moved(window.start))
            if head is not None and tail is not None and head != tail:
                moved = _between(relation, head, tail)
                best[moved] = max(best.get(moved, moved), moved, key=_certainty)
    return frozenset(best.values())
