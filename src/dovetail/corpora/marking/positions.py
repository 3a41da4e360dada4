"""What character positions count: code points, UTF-16 units or bytes, and how to tell.

Python counts code points, JavaScript and Java UTF-16 units (two for an emoji), many programs in C
bytes of UTF-8 (two for an umlaut).  The positions themselves do not say; what they cut out does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from dovetail.corpora.marking.marked_text import CharacterEntity, MarkedText, Span
from dovetail.errors import CorpusFormatError
from dovetail.text.reading import Offsets
from dovetail.text.writing_systems import stands_alone

_EXAMINED = 5000
_SUSPICIOUS = 0.01
"""Share of entities that may begin or end inside a word before another count is thought of."""

_BETTER = 4
"""By so many times fewer entities have to end inside a word for another count to be named."""


def in_codepoints(marked: MarkedText, offsets: Offsets) -> MarkedText:
    """The same annotations, with positions that count code points.

    A position inside of a character, or outside the text, becomes -1, which no entity may have.
    """
    convert = converter(marked.text, offsets)
    if convert is None:
        return marked
    sentences = marked.sentences and [
        replace(own, offsets=[(convert(start), convert(end)) for start, end in own.offsets])
        for own in marked.sentences
    ]
    entities = [_converted(item, convert) for item in marked.entities]
    return replace(marked, entities=entities, sentences=sentences, offsets=offsets)


def check_tokens_whole(marked: MarkedText, offsets: Offsets) -> None:
    """Refuse tokens that begin or end inside a character, if positions count so.

    Raises:
        CorpusFormatError: if one does.
    """
    if any(-1 in token for own in marked.sentences or () for token in own.offsets):
        raise CorpusFormatError(
            f"{marked.where}: a token begins or ends inside a character, if positions count "
            f"{offsets}; correct the offsets, or name another count"
        )


def _converted(entity: CharacterEntity, convert: Callable[[int], int]) -> CharacterEntity:
    fragments = tuple((convert(start), convert(end)) for start, end in entity.fragments)
    start, end = convert(entity.start_char), convert(entity.end_char)
    written = entity.start_char, entity.end_char
    return replace(entity, start_char=start, end_char=end, fragments=fragments, written=written)


def length_in(text: str, offsets: Offsets) -> int:
    """How long a text is in a count of its characters."""
    if offsets == "codepoints" or text.isascii():
        return len(text)
    return sum(_size(sign, offsets) for sign in text)


def converter(text: str, offsets: Offsets) -> Callable[[int], int] | None:
    """From a position in another count to that of code points; None where the two are the same.

    A position inside of a character, or outside the text, becomes -1.
    """
    if offsets == "codepoints" or text.isascii():
        return None
    sizes = [_size(sign, offsets) for sign in text]
    borders = [0]
    for size in sizes:
        borders.append(borders[-1] + size)

    def convert(position: int) -> int:
        index = bisect_left(borders, position)
        return index if index < len(borders) and borders[index] == position else -1

    return convert


def _size(sign: str, offsets: Offsets) -> int:
    if offsets == "utf16":
        return 2 if sign > "\uffff" else 1
    return len(sign.encode("utf-8", "surrogatepass"))


def doubt(texts: Iterable[MarkedText], offsets: Offsets | None) -> str:
    """What the positions of a corpus seem to count, if that is not what they are read as.

    Returns:
        A sentence for the user; empty where there is no reason for doubt.
    """
    open_ = (text for text in texts if text.offsets is None)  # of the others it is known
    # Tokens that a corpus brings say nothing here, and in another count may be none.
    examined = [replace(text, sentences=None) for text in _first(open_) if text.entities]
    total = sum(len(text.entities) for text in examined)
    if not total:
        return ""
    read_as = sum(_misfits(in_codepoints(text, offsets or "codepoints")) for text in examined)
    if read_as <= _SUSPICIOUS * total:
        return ""
    readings: dict[str, Callable[[MarkedText], MarkedText]] = {
        "positions that count code points (--offsets codepoints)": lambda text: text,
        "positions that count UTF-16 units, as JavaScript and Java do (--offsets utf16)": (
            lambda text: in_codepoints(text, "utf16")
        ),
        "positions that count bytes of UTF-8 (--offsets bytes)": (
            lambda text: in_codepoints(text, "bytes")
        ),
        "ends that name the last character itself, and not the one behind it as they are to,": (
            _with_ends_inside
        ),
    }
    by_misfits = {
        name: sum(_misfits(reading(text)) for text in examined)
        for name, reading in readings.items()
    }
    best = min(by_misfits, key=lambda name: by_misfits[name])
    if by_misfits[best] * _BETTER > read_as:
        return ""
    return (
        f"{read_as:,} of {total:,} entities begin or end inside a word, or are not the text that "
        f"they are said to be; with {best} it would be {by_misfits[best]:,}"
    )


def _first(texts: Iterable[MarkedText]) -> Iterable[MarkedText]:
    """Texts until enough entities have been seen."""
    seen = 0
    for text in texts:
        yield text
        seen += len(text.entities)
        if seen >= _EXAMINED:
            return


def _with_ends_inside(marked: MarkedText) -> MarkedText:
    entities = [
        replace(
            item,
            end_char=item.end_char + 1,
            fragments=tuple((start, end + 1) for start, end in item.fragments),
        )
        for item in marked.entities
    ]
    return replace(marked, entities=entities)


def _misfits(marked: MarkedText) -> int:
    return sum(not _fits(entity, marked.text) for entity in marked.entities)


def _fits(entity: CharacterEntity, text: str) -> bool:
    """Whether positions cut out what they should, as far as can be told."""
    if not all(0 <= start < end <= len(text) for start, end in entity.pieces):
        return False
    if entity.surface is not None:
        return same_words(entity.surface, covered(text, entity.pieces))
    start, end = entity.start_char, entity.end_char
    if text[start].isspace() or text[end - 1].isspace():
        return False
    return not (inside_word(text, start) or inside_word(text, end))


def inside_word(text: str, position: int) -> bool:
    """Whether a position stands between two letters or digits of a script with spaces."""
    around = text[max(position - 1, 0) : position + 1]
    return 0 < position < len(text) and all(
        sign.isalnum() and not stands_alone(sign) for sign in around
    )


def covered(text: str, pieces: Sequence[Span]) -> str:
    """What positions cut out of a text, fragments joined by a space."""
    return " ".join(text[start:end] for start, end in pieces)


def same_words(one: str, other: str) -> bool:
    """Whether two texts differ in white space at most."""
    return "".join(one.split()) == "".join(other.split())


def counts_utf16(text: str, entities: Iterable[CharacterEntity]) -> bool:
    """Whether positions are those of UTF-16, as what entities are said to cover tells."""
    if text.isascii() or max(text) <= "\uffff":
        return False
    said = [entity for entity in entities if entity.surface is not None]
    marked = MarkedText("", text, said, (), "")
    return _misfits(in_codepoints(marked, "utf16")) < _misfits(marked)
