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
from dovetail.text.windowed import windows_read
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
        yield _learned(sentence, windows_read(sentence, reading))


def _learned(sentence: Sentence, windows: list[Window]) -> list[Window]:
    return [*_through_no_entity(sentence, windows)] if len(windows) > 1 else windows


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
        number = _Windows.of(sentences, reading, are_learned=kind != "dev")
        if not number.sentences:
            continue
        consequence = "counts as missed" if kind == "dev" else "is not learned"
        text = (
            f"{number.sentences:,} {kind} sentences have more than {reading.max_tokens} tokens "
            f"(windows.max_tokens) and are read in {number.windows:,} windows"
        )
        if not number.entities_lost + number.relations_lost:
            notes.append(f"{text}, which hold all of their entities and relations")
            continue
        warnings.append(
            f"{text}; no window holds {number.entities_lost:,} of their "
            f"{number.entities:,} entities and {number.relations_lost:,} of their "
            f"{number.relations:,} relations, so that this much "
            f"{consequence}: a greater windows.max_tokens or windows.overlap holds more"
        )
    return tuple(warnings), tuple(notes)


@dataclass
class _Windows:
    """Numbers of sentences longer than a window; what is lost lies within no window."""

    sentences: int = 0
    windows: int = 0
    entities: int = 0
    entities_lost: int = 0
    relations: int = 0
    relations_lost: int = 0

    @classmethod
    def of(
        cls, sentences: Iterable[Sentence], reading: ModelReading, *, are_learned: bool
    ) -> _Windows:
        """Count, with one sentence in memory at a time."""
        number = cls()
        for own in sentences:
            if len(own.tokens) <= reading.max_tokens:
                continue
            row = windows_read(own, reading)
            if are_learned:
                row = _learned(own, row)
            number.sentences += 1
            number.windows += len(row)
            number.entities += len(own.entities)
            number.entities_lost += not_held(own, row, extents_of_entities)
            number.relations += len(own.relations)
            number.relations_lost += not_held(own, row, extents_of_relations)
        return number


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
