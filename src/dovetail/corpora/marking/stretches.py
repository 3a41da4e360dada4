"""Where an entity stands in a text: its positions checked, mended if asked, and trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dovetail.corpora.format import Source
from dovetail.corpora.ledger import ENTITY, Drop
from dovetail.corpora.marking.marked_text import CharacterEntity, MarkedText, Span
from dovetail.corpora.marking.positions import covered, inside_word, length_in, same_words
from dovetail.corpora.source.json_records import check_type
from dovetail.errors import CorpusFormatError
from dovetail.text.tokenization import trimmed

_COUNTED = {"codepoints": "characters", "utf16": "UTF-16 units", "bytes": "bytes"}

WHITE_SPACE_ONLY = "covers white space only"

_NEAR = 10
"""Characters within which the text of an entity is looked for where positions are mended."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where an entity stands in the text, without white space around it.

    `fragments` are its pieces where other words stand between them; `is_kept` says whether they
    are to be those of an entity.
    """

    start: int
    end: int
    fragments: tuple[Span, ...] = ()
    is_kept: bool = True

    @property
    def spans(self) -> tuple[Span, ...]:
        """The pieces, or the whole where there is one only."""
        return self.fragments or ((self.start, self.end),)


def stretch_of(entity: CharacterEntity, marked: MarkedText, source: Source) -> Stretch | None:
    """Where an entity stands; None if it is broken, or nothing is left of it."""
    with source.faults.guard(ENTITY, marked.name):
        check_type(entity.type, f"{entity.where}: the type of an entity")
        pieces = _checked(entity, marked, source)
        start, end = pieces[0][0], pieces[-1][1]
        # Tokens that a corpus brings may be white space, and stand as they are.
        own_tokens = marked.sentences is not None
        visible = (start, end) if own_tokens else trimmed(marked.text, start, end)
        if visible is None:
            source.tally.read(ENTITY)
            source.tally.drop(
                Drop.in_text(marked.name, ENTITY, WHITE_SPACE_ONLY, (start, end), entity.type)
            )
            return None
        source.tally.note(
            "entity: white space at its borders was left out", visible != (start, end)
        )
        fragments = _fragments(marked.text, pieces, own_tokens=own_tokens)
        if len(fragments) == 1:
            source.tally.note("entity: fragments joined over white space", len(pieces) > 1)
            return Stretch(*visible)
        policy = source.reading.discontinuous
        if policy == "cover":
            source.tally.note("entity: stands for the stretch from its first fragment to its last")
            return Stretch(*visible)
        return Stretch(*visible, fragments, is_kept=policy == "keep")
    return None


def _fragments(text: str, pieces: Sequence[Span], *, own_tokens: bool) -> tuple[Span, ...]:
    """The pieces between which there is more than white space, none of it at their borders."""
    joined: list[Span] = []
    for start, end in pieces:
        visible = (start, end) if own_tokens else trimmed(text, start, end)
        if visible is None:
            continue
        if joined and not text[joined[-1][1] : visible[0]].strip():
            joined[-1] = joined[-1][0], max(joined[-1][1], visible[1])
        else:
            joined.append(visible)
    return tuple(joined)


def _checked(entity: CharacterEntity, marked: MarkedText, source: Source) -> list[Span]:
    """The pieces of an entity, which lie in the text and cut out what they are said to.

    Raises:
        CorpusFormatError: if they do not, and there is no one place that they can mean.
    """
    text, pieces = marked.text, sorted(entity.pieces)
    inside = all(0 <= start < end <= len(text) for start, end in pieces)
    # The words of a file stand in the order of its fragments, which may be any.
    found = covered(text, entity.pieces) if inside else ""
    if inside and (
        entity.surface is None
        or same_words(entity.surface, found)
        or same_words(entity.surface, covered(text, pieces))
    ):
        return pieces
    moved = _nearby(entity, text) if source.faults.mends else None
    if moved is not None:
        source.tally.note("entity: moved to where its text stands, a few characters away")
        return [moved]
    start, end = entity.written or (entity.start_char, entity.end_char)
    offsets = marked.offsets or "codepoints"
    counted = _COUNTED[offsets]
    if not inside:
        cuts = "" if entity.written is None else ", or cuts one of its characters"
        raise CorpusFormatError(
            f"{entity.where}: entity at {counted} [{start}, {end}) {entity.type!r} is not within "
            f"the {length_in(text, offsets)} {counted} of the text{cuts}; correct its "
            f"offsets"
        )
    raise CorpusFormatError(
        f"{entity.where}: the text is said to be {str(entity.surface)[:60]!r}, but the {counted} "
        f"[{start}, {end}) are {found[:60]!r}; correct the offsets, and check that the text is the "
        f"one that was annotated, line breaks included"
    )


def _nearby(entity: CharacterEntity, text: str) -> Span | None:
    """The one place within a few characters where the text of an entity stands."""
    if entity.surface is None or len(entity.pieces) > 1 or not entity.surface.strip():
        return None
    if entity.written is not None and entity.start_char < 0:  # nothing is near to nowhere
        return None
    first = max(entity.start_char - _NEAR, 0)
    around = text[first : max(entity.end_char, 0) + _NEAR + len(entity.surface)]
    at = around.find(entity.surface)
    if at < 0 or around.find(entity.surface, at + 1) >= 0 or at > 2 * _NEAR:
        return None
    start, end = first + at, first + at + len(entity.surface)
    # Within a longer word it is other text that happens to be spelt so.
    return None if inside_word(text, start) or inside_word(text, end) else (start, end)
