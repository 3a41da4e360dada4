"""Flat annotation, for formats in which a token belongs to at most one entity."""

from __future__ import annotations

from dovetail.corpora.ledger import ENTITY, Drop, Tally
from dovetail.text.document import Entity, Sentence

OVERLAPS = "overlaps a longer entity, and the format holds flat ones only"


def flat_entities(document_id: str, sentence: Sentence, tally: Tally) -> list[Entity]:
    """The entities that remain, in reading order, if of two that overlap the longer one stays.

    The others are dropped; those that remain are counted as kept.
    """
    taken = [False] * len(sentence.tokens)
    kept = []
    by_length = sorted(sentence.entities, key=lambda item: (item.start - item.end, item))
    for entity in by_length:
        if any(taken[entity.start : entity.end]):
            tally.drop(Drop(document_id, ENTITY, OVERLAPS, *entity.span, type=entity.type))
        else:
            taken[entity.start : entity.end] = [True] * (entity.end - entity.start)
            kept.append(entity)
    tally.keep(ENTITY, len(kept))
    return sorted(kept)
