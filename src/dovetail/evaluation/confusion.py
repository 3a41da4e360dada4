"""Which entity type is taken for which, on the same span."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dovetail.text.document import ENTITY_TASK, Sentence


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a span of one gold type got one predicted type.

    `counts` maps (gold type, predicted type) to a number, None standing for no entity with these
    borders; the pair of two Nones does not occur.  `types` are all types that do, sorted.  The
    counts of a gold type add up to its gold entities, those of a predicted type to its predictions.
    """

    types: tuple[str, ...]
    counts: Mapping[tuple[str | None, str | None], int]

    def __getitem__(self, pair: tuple[str | None, str | None]) -> int:
        return self.counts.get(pair, 0)


def entity_confusion(gold: Sequence[Sentence], predicted: Sequence[Sentence]) -> Confusion:
    """Match entities by their exact span, and count the pairs of types.

    Where a span has several types on one side, equal types are matched first, and the others in the
    order of their names.  Sentences that are not annotated for entities are left out.
    """
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for truth, guess in zip(gold, predicted, strict=True):
        if ENTITY_TASK not in truth.annotated:
            continue
        gold_types, predicted_types = _types_by_span(truth), _types_by_span(guess)
        for span in gold_types.keys() | predicted_types.keys():
            counts.update(_matched(gold_types[span], predicted_types[span]))
    types = {type_ for pair in counts for type_ in pair if type_ is not None}
    return Confusion(tuple(sorted(types)), dict(counts))


def _types_by_span(sentence: Sentence) -> defaultdict[tuple[tuple[int, int], ...], set[str]]:
    types: defaultdict[tuple[tuple[int, int], ...], set[str]] = defaultdict(set)
    for entity in sentence.entities:
        types[entity.pieces].add(entity.type)
    return types


def _matched(gold: set[str], predicted: set[str]) -> list[tuple[str | None, str | None]]:
    ours: list[str | None] = [*sorted(gold - predicted)]
    theirs: list[str | None] = [*sorted(predicted - gold)]
    longest = max(len(ours), len(theirs))
    ours += [None] * (longest - len(ours))
    theirs += [None] * (longest - len(theirs))
    equal: list[tuple[str | None, str | None]] = [(type_, type_) for type_ in gold & predicted]
    return [*equal, *zip(ours, theirs, strict=True)]
