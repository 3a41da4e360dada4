"""Training sentences longer than a window: learned as they will be read, and accounted for.

What two windows share is learned twice in an epoch, entities, relations and what is neither alike,
each time in another context.  It is not weighed down: all shares within the shared part stay as
they are, and only the ends of a long text are seen less often than its middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from dovetail.text.document import Sentence
from dovetail.text.reading import ModelReading
from dovetail.text.stored_sentences import held_as, joined_sentences, lengths_of
from dovetail.text.windowed import Windowed, windows_read
from dovetail.text.windows import Window, windows_at
from dovetail.training.batches import Portion
from dovetail.training.pools import UNLABELLED, Pool, Splits


@dataclass(frozen=True)
class LearnedSentences:
    """The sentences that an epoch draws from: windows of long ones, and others as they are."""

    sentences: Sequence[Sentence]
    portions: tuple[Portion, ...]

    @classmethod
    def of(cls, pools: Iterable[Pool], reading: ModelReading) -> LearnedSentences:
        """An epoch draws as many windows as the sentences it is to draw have on average."""
        parts, portions = [], []
        for pool in pools:
            own = pool.sentences
            if max(lengths_of(own), default=0) > reading.max_tokens:
                rows = learned_windows(own, reading)
                own = held_as(own, (window.sentence for row in rows for window in row))
            drawn = -(-pool.drawn * len(own) // max(1, len(pool.sentences)))
            parts.append(own)
            portions.append(Portion(len(own), drawn, pool.schema, pool.unrelated))
        return cls(joined_sentences(parts), tuple(portions))

    @property
    def number(self) -> int:
        """How many sentences and windows an epoch reads."""
        return sum(portion.drawn for portion in self.portions)

    @property
    def negatives(self) -> frozenset[int]:
        """The indices of the sentences in which nothing is related."""
        starts = accumulate((own.size for own in self.portions), initial=0)
        return frozenset(
            index
            for start, own in zip(starts, self.portions, strict=False)
            if own.negative
            for index in range(start, start + own.size)
        )


def learned_windows(sentences: Iterable[Sentence], reading: ModelReading) -> Iterator[list[Window]]:
    """The windows of each sentence, as extraction cuts them, but through no entity.

    A window that ends within an entity would teach that its tokens there are none; it is learned
    without these tokens.  One that has no others is left out.
    """
    for sentence in sentences:
        row = windows_read(sentence, reading)
        yield [*_through_no_entity(sentence, row)] if len(row) > 1 else row


def _through_no_entity(sentence: Sentence, windows: Sequence[Window]) -> Iterator[Window]:
    cuts_an_entity = bytearray(len(sentence.tokens) + 1)
    for entity in sentence.entities:
        cuts_an_entity[entity.start + 1 : entity.end] = b"\1" * (entity.end - entity.start - 1)
    borders = []
    for window in windows:
        # Clean borders nearest inwards; the ends of the sentence cut through nothing.
        start, end = (
            cuts_an_entity.find(0, window.start),
            cuts_an_entity.rfind(0, 0, window.end + 1),
        )
        if start < end:
            borders.append((start, end))
    yield from windows_at(sentence, borders)


def accounts_of_windows(
    splits: Splits, reading: ModelReading
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Warnings and notes: what no window holds, and how many sentences are read in windows."""
    warnings, notes = [], []
    annotated = [(pool.name, pool.sentences) for pool in splits.pools if pool.name != UNLABELLED]
    for kind, sentences in (*annotated, ("dev", splits.dev)):
        long = [own for own in sentences if len(own.tokens) > reading.max_tokens]
        if not long:
            continue
        rows = [*learned_windows(long, reading)]
        if kind == "dev":
            rows = [[*row] for row in Windowed.of(long, reading).windows]
        entities, relations = (
            sum(not_held(own, row, extents) for own, row in zip(long, rows, strict=True))
            for extents in (extents_of_entities, extents_of_relations)
        )
        consequence = "counts as missed" if kind == "dev" else "is not learned"
        text = (
            f"{len(long):,} {kind} sentences have more than {reading.max_tokens} tokens "
            f"(windows.max_tokens) and are read in {sum(map(len, rows)):,} windows"
        )
        if not entities + relations:
            notes.append(f"{text}, which hold all of their entities and relations")
            continue
        warnings.append(
            f"{text}; no window holds {entities:,} of their "
            f"{sum(len(own.entities) for own in long):,} entities and {relations:,} of their "
            f"{sum(len(own.relations) for own in long):,} relations, so that this much "
            f"{consequence}: a greater windows.max_tokens or windows.overlap holds more"
        )
    return tuple(warnings), tuple(notes)


def extents_of_entities(sentence: Sentence) -> list[tuple[int, int]]:
    """The tokens of each entity."""
    return [entity.span for entity in sentence.entities]


def extents_of_relations(sentence: Sentence) -> list[tuple[int, int]]:
    """The tokens from the first of a relation's arguments to the last."""
    return [
        (min(link.head.start, link.tail.start), max(link.head.end, link.tail.end))
        for link in sentence.relations
    ]


def not_held(
    sentence: Sentence,
    windows: Sequence[Window],
    extents: Callable[[Sentence], list[tuple[int, int]]],
) -> int:
    """How many extents lie within no window."""
    return sum(
        not any(window.start <= start and end <= window.end for window in windows)
        for start, end in extents(sentence)
    )
