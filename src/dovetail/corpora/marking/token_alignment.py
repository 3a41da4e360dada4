"""Character annotations onto tokens: text with marked stretches becomes a document.

Where the borders of an entity are not those of tokens, `Reading.borders` decides.  As the text
alone gives them (``text``), tokens owe nothing to the annotations, and what they cannot express is
kept beside them as `Unaligned`: that is how everything is read that scores are made on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import ENTITY, RELATION, SENTENCE, Drop
from dovetail.corpora.marking.assembly import CROSSES_SENTENCES, Place, SentenceBuilder
from dovetail.corpora.marking.marked_text import CharacterEntity, IndexedRelation, MarkedText, Span
from dovetail.corpora.marking.stretches import Stretch, stretch_of
from dovetail.corpora.marking.token_grid import Grid
from dovetail.corpora.source.json_records import check_type
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, Document, Entity, Unaligned
from dovetail.text.reading import sentences_in
from dovetail.text.tokenization import Tokenizer, join_units, sentence_id

NO_ARGUMENT = "an argument was dropped"
DISCONTINUOUS = "discontinuous: other words stand between its fragments"
INSIDE_TOKEN = "begins or ends inside a token"
UNALIGNED_ARGUMENT = "the tokens cannot express an argument"
GREW = "entity: grew to the borders of the tokens that it begins or ends inside of"
CUT = "entity: a token was cut where it begins or ends"
OUTSIDE = "lies outside the tokens that the corpus brings"


@dataclass(frozen=True, slots=True)
class _Placed:
    """What became of an entity: in which unit it is, and either tokens or none that express it."""

    unit: int
    stretch: Stretch
    type: str
    entity: Entity | None


def align(marked: MarkedText, tokenizer: Tokenizer, source: Source) -> Document:
    """Cut a text into units and tokens and put its annotations on them.

    An annotation that is broken is a fault of the source, and left out.
    """
    stretches = [stretch_of(entity, marked, source) for entity in marked.entities]
    units, ids, annotated = _units(marked, tokenizer, source)
    borders = source.reading.borders
    if borders == "cut":
        spans = [span for found in stretches if found and found.is_kept for span in found.spans]
        marks = sorted({border for span in spans for border in span})
        plain = Grid(units)
        source.tally.note(CUT, sum(plain.cuts_token(*span) for span in spans))
        units = [[piece for token in unit for piece in _cut(token, marks)] for unit in units]
    grid = Grid(units)
    if borders == "snap":
        stretches = [_snapped(found, grid, source) for found in stretches]
    if borders in ("snap", "cut"):
        whole = [(found.start, found.end) for found in stretches if found and found.is_kept]
        grid, kept = _joined(grid, whole, source)
        ids = [ids[first] for first in kept] if len(kept) < len(ids) else ids
        annotated = [annotated[first] for first in kept]
    builders = _annotated(marked, stretches, grid, source)
    sentences = [
        builder.sentence(id=id or sentence_id(marked.id, position), annotated=tasks, offsets=unit)
        for position, (builder, id, tasks, unit) in enumerate(
            zip(builders, ids, annotated, grid.units, strict=True)
        )
    ]
    return Document(marked.id, marked.text, tuple(sentences))


def _annotated(
    marked: MarkedText, stretches: Sequence[Stretch | None], grid: Grid, source: Source
) -> list[SentenceBuilder]:
    """The units with all annotations on them, or beside their tokens."""
    source.tally.read(SENTENCE, len(grid.units))
    builders = [
        SentenceBuilder(
            Place(source.tally, marked.name, marked.where),
            [marked.text[start:end] for start, end in unit],
        )
        for unit in grid.units
    ]
    placed = [
        _place(entity, stretch, grid, builders, source, marked.name)
        for entity, stretch in zip(marked.entities, stretches, strict=True)
    ]
    for relation in marked.relations:
        with source.faults.guard(RELATION, marked.name):
            check_type(relation.type, f"{marked.where}: the type of a relation")
            _relate(relation, placed, builders, source, marked)
    for own in marked.sentences or ():  # what the corpus itself has beside the tokens
        for item in own.unaligned:
            source.tally.read(item.task)
            builders[grid.unit_at(own.offsets[0][0])].add_unaligned(item)
    return builders


def _units(
    marked: MarkedText, tokenizer: Tokenizer, source: Source
) -> tuple[list[list[Span]], list[str], list[frozenset[str]]]:
    """The tokens of each unit, with the names that sentences bring and what they are annotated for.

    A corpus that brings its own tokens keeps them; what is longer than a sentence is joined.
    """
    if marked.sentences is None:
        units = tokenizer.units(marked.text, marked.id)
        return units, [""] * len(units), [marked.annotated] * len(units)
    own = [list(sentence.offsets) for sentence in marked.sentences]
    unit = source.reading.unit
    number = max(len(own), 1) if unit == "document" else sentences_in(unit)
    firsts = range(0, len(own), number)
    annotated = [
        frozenset.intersection(
            *(item.annotated for item in marked.sentences[first : first + number])
        )
        for first in firsts
    ]
    ids = [marked.sentences[first].id if number == 1 else "" for first in firsts]
    return join_units(own, number), ids, annotated


def _cut(token: Span, borders: Sequence[int]) -> Iterable[Span]:
    """A token in pieces, cut at the borders that lie inside it."""
    start, end = token
    first = bisect_right(borders, start)
    inside = []
    while first < len(borders) and borders[first] < end:
        inside.append(borders[first])
        first += 1
    return pairwise([start, *inside, end])


def _snapped(found: Stretch | None, grid: Grid, source: Source) -> Stretch | None:
    """A stretch that has grown to the borders of the tokens that it touches."""
    if found is None or not found.is_kept:
        return found
    spans = []
    for start, end in found.spans:
        first, last = grid.token_at(start), grid.token_at(end - 1)
        if first is None or last is None:
            return found
        spans.append((grid.tokens[first][0], grid.tokens[last][1]))
    fragments = tuple(spans) if len(spans) > 1 else ()
    grown = Stretch(spans[0][0], spans[-1][1], fragments)
    source.tally.note(GREW, grown != found)
    return grown


def _joined(grid: Grid, spans: Iterable[Span], source: Source) -> tuple[Grid, list[int]]:
    """Join units between which an entity crosses; the result has the first unit of each as well."""
    reaches = list(range(len(grid.units)))  # the last unit that an entity from here gets to
    for start, end in spans:
        first = grid.unit_at(start)
        if first >= 0:
            reaches[first] = max(reaches[first], grid.unit_at(end - 1))
    joined: list[list[Span]] = []
    firsts: list[int] = []
    furthest = -1
    for position, unit in enumerate(grid.units):
        if position <= furthest:
            joined[-1].extend(unit)
            source.tally.note(
                "sentence: joined to the one before, for an entity crosses the border"
            )
        else:
            joined.append(list(unit))
            firsts.append(position)
        furthest = max(furthest, reaches[position])
    return (grid if len(joined) == len(grid.units) else Grid(joined)), firsts


def _place(
    entity: CharacterEntity,
    stretch: Stretch | None,
    grid: Grid,
    builders: Sequence[SentenceBuilder],
    source: Source,
    name: str,
) -> _Placed | None:
    """Put an entity on its unit, or beside its tokens; None if it is dropped."""
    if stretch is None:
        return None
    found = _on_tokens(stretch, grid)
    if found is not None:
        unit, pieces = found
        added = builders[unit].add_pieces(pieces, entity.type, entity.confidence)
        return _Placed(unit, stretch, entity.type, added)
    source.tally.read(ENTITY)
    reason = _reason(stretch, grid)
    unit = grid.unit_at(stretch.start)
    if source.reading.borders != "text" or unit < 0:
        span = stretch.start, stretch.end
        source.tally.drop(Drop.in_text(name, ENTITY, reason, span, entity.type))
        return None
    item = Unaligned(ENTITY_TASK, entity.type, stretch.spans, (entity.type,), reason)
    builders[unit].add_unaligned(item)
    return _Placed(unit, stretch, entity.type, None)


def _on_tokens(stretch: Stretch, grid: Grid) -> tuple[int, list[Span]] | None:
    """The unit and the tokens that stand at a stretch, if one unit has just these."""
    if not stretch.is_kept:
        return None
    found = [borders for span in stretch.spans if (borders := grid.borders(*span)) is not None]
    if len(found) < len(stretch.spans) or len({unit for unit, _, _ in found}) > 1:
        return None
    return found[0][0], [(first, after) for _, first, after in found]


def _reason(stretch: Stretch, grid: Grid) -> str:
    """Why no tokens of one unit are what stands at a stretch."""
    if not stretch.is_kept:
        return DISCONTINUOUS
    for start, end in stretch.spans:
        first, last = grid.token_at(start), grid.token_at(end - 1)
        if first is None or last is None:
            return OUTSIDE
        if grid.tokens[first][0] != start or grid.tokens[last][1] != end:
            return INSIDE_TOKEN
    return CROSSES_SENTENCES


def _relate(
    relation: IndexedRelation,
    placed: Sequence[_Placed | None],
    builders: Sequence[SentenceBuilder],
    source: Source,
    marked: MarkedText,
) -> None:
    """Put a relation on the unit of its arguments, or beside the tokens of its head's."""
    head, tail = (
        None if index is None else placed[index] for index in (relation.head, relation.tail)
    )
    if head and tail and head.entity and tail.entity and head.unit == tail.unit:
        builders[head.unit].add_relation(
            head.entity, tail.entity, relation.type, relation.confidence
        )
        return
    source.tally.read(RELATION)
    if head is None or tail is None or source.reading.borders != "text":
        known = [
            marked.entities[index] for index in (relation.head, relation.tail) if index is not None
        ]
        start = min((entity.start_char for entity in known), default=0)
        end = max((entity.end_char for entity in known), default=len(marked.text))
        reason = CROSSES_SENTENCES if head and tail else NO_ARGUMENT
        source.tally.drop(Drop.in_text(marked.name, RELATION, reason, (start, end), relation.type))
        return
    reason = CROSSES_SENTENCES if head.entity and tail.entity else UNALIGNED_ARGUMENT
    spans = (*_extent(head), *_extent(tail))
    item = Unaligned(RELATION_TASK, relation.type, spans, (head.type, tail.type), reason)
    if head.stretch.fragments or tail.stretch.fragments:
        item = replace(item, arguments=(head.stretch.spans, tail.stretch.spans))
    builders[head.unit].add_unaligned(item)


def _extent(placed: _Placed) -> tuple[Span]:
    return ((placed.stretch.start, placed.stretch.end),)
