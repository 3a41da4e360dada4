"""Which entity head fits a corpus: what a flat tagger loses of it, and what a scorer of spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from dovetail.config import SpanEntityHeadConfig
from dovetail.text.document import Entity, Sentence
from dovetail.text.overlaps import longest_first, without_conflicts

TOO_LONG = 0.001
"""Share of entities that may be longer than the recommended width: every span up to it costs time,
and the longest entity of a corpus is often a mistake."""


@dataclass(frozen=True, slots=True)
class EntityHeadAdvice:
    """A choice for `[entity_head]`, the reason in words, and what a flat tagger loses.

    `settings` are the lines for the config file; there are none where the default will do.
    """

    kind: str
    reason: str
    settings: tuple[str, ...]
    sentences: int
    entities: int
    relations: int


def advise_entity_head(sentences: Iterable[Sentence]) -> EntityHeadAdvice:
    """Count what a tagger cannot express, and recommend the head that can express more of it."""
    total = affected = entities = relations = crossing = twins = 0
    discontinuous = False
    widths: Counter[int] = Counter()
    for sentence in sentences:
        total += 1
        ranked = longest_first(sentence.entities)
        flat = without_conflicts((item for item in ranked if not item.fragments), "none")
        if len(flat) < len(ranked):
            affected += 1
            entities += len(ranked) - len(flat)
            kept = frozenset(flat)
            relations += sum(not kept >= {link.head, link.tail} for link in sentence.relations)
            spans = longest_first(_pieces(ranked))
            any_two = without_conflicts(spans, "all")
            crossing += len(any_two) - len(without_conflicts(spans, "nested"))
            twins += len(spans) - len(any_two)
        discontinuous |= any(item.fragments for item in ranked)
        widths.update(end - start for item in ranked for start, end in item.pieces)
    lost = (affected, entities, relations)
    if not entities:
        reason = 'no entities overlap: the default, kind = "crf", can find all of them'
        return EntityHeadAdvice("crf", reason, (), *lost)
    found = (
        f"{affected:,} of {total:,} sentences have overlapping "
        f"{'or discontinuous ' * discontinuous}entities; the default, a flat "
        f"tagger, loses {entities:,} entities and {relations:,} relations of them"
    )
    if entities == twins:
        reason = f"{found}, and so does a scorer of spans: they have the borders of another entity"
        return EntityHeadAdvice("crf", reason, (), *lost)
    settings = ["[entity_head]", 'kind = "span"']
    if crossing:
        settings.append('overlaps = "all"')
    width = _max_width(widths)
    if width > SpanEntityHeadConfig().max_width:
        settings.append(f"max_width = {width}")
    but = f", but for {twins:,} with the borders of another" if twins else ""
    reason = f"{found}, which a scorer of spans can learn{but}"
    return EntityHeadAdvice("span", reason, tuple(settings), *lost)


def _pieces(entities: Iterable[Entity]) -> set[Entity]:
    """The entities with the fragments of discontinuous ones in their place."""
    return {Entity(*piece, entity.type) for entity in entities for piece in entity.pieces}


def _max_width(widths: Counter[int]) -> int:
    """The smallest width that leaves hardly any entity out."""
    left = widths.total()
    for width in sorted(widths):
        left -= widths[width]
        if left <= TOO_LONG * widths.total():
            return width
    return 0
