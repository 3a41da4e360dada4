"""Character annotations onto tokens: text with marked stretches becomes a document.

No entity is lost to tokenization: a token is cut where an entity begins or ends inside it, and
sentences are joined where an entity crosses the border between them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dovetail.corpora.assembly import CROSSES_SENTENCES, Place, SentenceBuilder
from dovetail.corpora.ledger import ENTITY, RELATION, SENTENCE, Drop, Tally
from dovetail.document import TASKS, Document, Entity, Sentence
from dovetail.errors import CorpusFormatError
from dovetail.tokenization import Tokenizer, sentence_id

WHITE_SPACE_ONLY = "covers white space only"
NO_ARGUMENT = "an argument was dropped"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CharacterEntity:
    """A typed stretch of text at half-open character positions."""

    start_char: int
    end_char: int
    type: str
    where: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class IndexedRelation:
    """A relation whose arguments are positions in a list of entities; None is a lost argument."""

    head: int | None
    tail: int | None
    type: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text with its annotations, before it is cut into tokens."""

    id: str
    text: str
    entities: Sequence[CharacterEntity]
    relations: Sequence[IndexedRelation]
    where: str
    annotated: frozenset[str] = frozenset(TASKS)


def align(marked: MarkedText, tokenizer: Tokenizer, tally: Tally) -> Document:
    """Cut a text into sentences and tokens and put its annotations on them.

    Raises:
        CorpusFormatError: if an entity is not within the text.
    """
    name = marked.id or marked.where
    spans = [_trimmed(entity, name, marked.text, tally) for entity in marked.entities]
    borders = sorted({border for span in spans if span for border in span})
    plain = tokenizer.document(marked.text, marked.id)
    sentences = [
        [piece for token in sentence.offsets for piece in _cut(token, borders)]
        for sentence in plain.sentences
    ]
    joined = _join(sentences, [span for span in spans if span], tally)
    tally.read(SENTENCE, len(joined))
    builders = [
        SentenceBuilder(
            Place(tally, name, marked.where), [marked.text[start:end] for start, end in offsets]
        )
        for offsets in joined
    ]
    placed = _add_entities(marked.entities, spans, joined, builders)
    _add_relations(marked, placed, builders, tally)
    return Document(marked.id, marked.text, tuple(_sentences(marked, joined, builders)))


def _sentences(
    marked: MarkedText, joined: Sequence[Sequence[Span]], builders: Sequence[SentenceBuilder]
) -> Iterable[Sentence]:
    for position, (offsets, builder) in enumerate(zip(joined, builders, strict=True)):
        yield builder.sentence(
            id=sentence_id(marked.id, position), annotated=marked.annotated, offsets=offsets
        )


def _trimmed(entity: CharacterEntity, name: str, text: str, tally: Tally) -> Span | None:
    """The borders of an entity without white space around it; None if nothing is left."""
    start, end = entity.start_char, entity.end_char
    if not 0 <= start < end <= len(text):
        raise CorpusFormatError(
            f"{entity.where}: entity at characters [{start}, {end}) {entity.type!r} is not within "
            f"the {len(text)} characters of the text; correct its offsets"
        )
    covered = text[start:end]
    if not covered.strip():
        tally.read(ENTITY)
        tally.drop(Drop(name, ENTITY, WHITE_SPACE_ONLY, start, end, "characters", entity.type))
        return None
    trimmed = end - len(covered.lstrip()), start + len(covered.rstrip())
    tally.note("entity: white space at its borders was left out", trimmed != (start, end))
    return trimmed


def _cut(token: Span, borders: Sequence[int]) -> Iterable[Span]:
    """A token in pieces, cut at the borders that lie inside it."""
    start, end = token
    first = bisect_right(borders, start)
    inside = []
    while first < len(borders) and borders[first] < end:
        inside.append(borders[first])
        first += 1
    return pairwise([start, *inside, end])


def _join(sentences: list[list[Span]], spans: Iterable[Span], tally: Tally) -> list[list[Span]]:
    """Join each two sentences between which an entity crosses."""
    starts = [offsets[0][0] for offsets in sentences]
    reaches = list(range(len(sentences)))  # the last sentence that an entity from here gets to
    for start, end in spans:
        first = bisect_right(starts, start) - 1
        reaches[first] = max(reaches[first], bisect_right(starts, end - 1) - 1)
    joined: list[list[Span]] = []
    furthest = -1
    for position, offsets in enumerate(sentences):
        if position <= furthest:
            joined[-1].extend(offsets)
            tally.note("sentence: joined to the one before, for an entity crosses the border")
        else:
            joined.append(offsets)
        furthest = max(furthest, reaches[position])
    return joined


def _add_entities(
    entities: Sequence[CharacterEntity],
    spans: Sequence[Span | None],
    joined: Sequence[Sequence[Span]],
    builders: Sequence[SentenceBuilder],
) -> list[tuple[int, Entity] | None]:
    """Put each entity on its sentence; the result has, for each, the sentence and the entity."""
    starts, ends = {}, {}
    for number, offsets in enumerate(joined):
        for position, (start, end) in enumerate(offsets):
            starts[start] = number, position
            ends[end] = position + 1
    placed: list[tuple[int, Entity] | None] = []
    for entity, span in zip(entities, spans, strict=True):
        if span is None:
            placed.append(None)
            continue
        number, first = starts[span[0]]
        added = builders[number].add_entity(first, ends[span[1]], entity.type, entity.confidence)
        placed.append((number, added))
    return placed


def _add_relations(
    marked: MarkedText,
    placed: Sequence[tuple[int, Entity] | None],
    builders: Sequence[SentenceBuilder],
    tally: Tally,
) -> None:
    for relation in marked.relations:
        arguments = [
            None if index is None else (marked.entities[index], placed[index])
            for index in (relation.head, relation.tail)
        ]
        places = [argument[1] if argument else None for argument in arguments]
        if places[0] and places[1] and places[0][0] == places[1][0]:
            builders[places[0][0]].add_relation(
                places[0][1], places[1][1], relation.type, relation.confidence
            )
            continue
        tally.read(RELATION)
        known = [argument[0] for argument in arguments if argument]
        start = min((entity.start_char for entity in known), default=0)
        end = max((entity.end_char for entity in known), default=len(marked.text))
        reason = CROSSES_SENTENCES if all(places) else NO_ARGUMENT
        name = marked.id or marked.where
        tally.drop(Drop(name, RELATION, reason, start, end, "characters", relation.type))
