"""Which of the training documents are set apart to make choices on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from dovetail.text.document import Sentence

Type = tuple[str, str]
Documents = Sequence[Sequence[Sentence]]


def set_apart(documents: Documents, *, fraction: float, seed: int) -> frozenset[int]:
    """Choose a random share of documents, by their indices, and at least one if there are two.

    Sentences of one document tell of each other, so a document goes to one side as a whole.  A type
    that two documents have and that chance left to one side alone gets a document on the other,
    where that takes no type away from the side that gives it.

    Args:
        documents: the sentences of each.
        fraction: the share of documents.
        seed: the same seed chooses the same documents.
    """
    number = round(fraction * len(documents))
    if fraction and len(documents) > 1:
        number = min(max(number, 1), len(documents) - 1)
    chosen = set(random.Random(seed).sample(range(len(documents)), number))
    types = [_types(document) for document in documents]
    together = Counter(type_ for own in types for type_ in own)
    for type_, times in sorted(together.items(), key=lambda item: (item[1], item[0])):
        if number and times > 1:
            _share(type_, types, together, chosen)
    return frozenset(chosen)


def _types(document: Sequence[Sentence]) -> frozenset[Type]:
    """The types of a document, entities and relations apart."""
    return frozenset(
        [
            *(("entity", entity.type) for sentence in document for entity in sentence.entities),
            *(("relation", link.type) for sentence in document for link in sentence.relations),
        ]
    )


def _share(
    type_: Type, types: Sequence[frozenset[Type]], together: Counter[Type], chosen: set[int]
) -> None:
    """Move one document that has a type to the side that lacks it."""
    holders = [index for index, own in enumerate(types) if type_ in own]
    inside = [index for index in holders if index in chosen]
    if 0 < len(inside) < len(holders):
        return
    giver = chosen if inside else set(range(len(types))) - chosen
    if len(giver) < 2:
        return
    left = Counter(own for index in giver for own in types[index])
    # A type that nothing else has is on one side whatever is done, so its document may go.
    for index in holders:
        others = Counter(
            own for number in range(len(types)) for own in types[number] & types[index]
        )
        if all(left[own] > 1 or others[own] == 1 for own in types[index]):
            chosen.symmetric_difference_update({index})
            return
