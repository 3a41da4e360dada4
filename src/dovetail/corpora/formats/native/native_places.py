"""Where tokens and entities stand in a line of Dovetail's own format."""

from __future__ import annotations

from collections.abc import Sequence

from dovetail.corpora.marking.marked_text import CharacterEntity, Span
from dovetail.corpora.source.json_records import Record, describe
from dovetail.errors import CorpusFormatError


def pieces_of(entity: Record) -> list[Span]:
    """The fragments of an entity, or its one span; their order is checked, not their extent."""
    start, end = entity.integer("start"), entity.integer("end")
    if "fragments" not in entity:
        return [(start, end)]
    pieces = [tuple(pair) if is_span(pair) else () for pair in entity.items("fragments")]
    borders = [border for piece in pieces for border in piece]
    well_formed = () not in pieces and borders == sorted({*borders})
    if len(pieces) < 2 or not well_formed or (borders[0], borders[-1]) != (start, end):
        entity.fail(
            f"'fragments': expected two or more [start, end], ascending and apart, from the start "
            f"{start} to the end {end} of the entity, found {describe(entity.items('fragments'))}"
        )
    return pieces


def arguments_of(item: Record) -> tuple[tuple[Span, ...], ...]:
    """The fragments of head and tail of a relation that no tokens express, if it names them."""
    if "arguments" not in item:
        return ()
    arguments = item.items("arguments")
    if len(arguments) != 2 or not all(
        isinstance(own, list) and own and all(map(is_span, own)) for own in arguments
    ):
        item.fail(
            f"'arguments': expected the fragments of head and tail, as [[[0, 3], [5, 9]], "
            f"[[10, 12]]], found {describe(arguments)}"
        )
    return tuple(tuple((start, end) for start, end in own) for own in arguments)


def characters_of(piece: Span, tokens: Sequence[Span], entity: Record) -> Span:
    """Where tokens stand in the text."""
    start, end = piece
    if not 0 <= start < end <= len(tokens):
        entity.fail(
            f"tokens [{start}, {end}) are not within the {len(tokens)} tokens of the sentence; "
            f"correct the offsets"
        )
    return tokens[start][0], tokens[end - 1][1]


def is_span(value: object) -> bool:
    """Whether a JSON value is two whole numbers."""
    return (
        isinstance(value, list) and len(value) == 2 and all(type(border) is int for border in value)
    )


def offsets_of(record: Record, length: int) -> list[tuple[int, int]]:
    """The borders of the tokens: ascending, not empty, within a text of that length."""
    offsets: list[tuple[int, int]] = []
    for pair in record.items("offsets"):
        if not is_span(pair):
            record.fail(f"'offsets': expected [start, end] for each token, found {pair!r}")
        after = offsets[-1][1] if offsets else 0
        if not after <= pair[0] < pair[1] <= length:
            record.fail(
                f"'offsets': the token at characters {pair} is empty, lies before the end of the "
                f"token before it, or outside the {length} characters of the text"
            )
        offsets.append((pair[0], pair[1]))
    if not offsets:
        record.fail("a sentence without tokens; remove the sentence")
    return offsets


def check_borders(entities: Sequence[CharacterEntity], offsets: Sequence[Span]) -> None:
    """Refuse an entity of a sentence that does not begin and end where tokens of it do."""
    starts, ends = {start for start, _ in offsets}, {end for _, end in offsets}
    for entity in entities:
        for start, end in entity.pieces:
            if start in starts and end in ends:
                continue
            raise CorpusFormatError(
                f"{entity.where}: characters [{start}, {end}) are not the "
                f"borders of tokens of the sentence; correct them, or leave 'sentences' out to "
                f"have the text cut anew"
            )
