"""The text of a BioC document out of its passages and sentences, and positions in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from dovetail.corpora.ledger import Tally
from dovetail.corpora.source.json_records import Record
from dovetail.text.reading import Offsets

_WIDEST_GAP = 200
"""Characters between two passages that are filled; a wider gap is a count of something else."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: its offset in the file, and where it begins in the text of the document.

    Both count what the file counts.
    """

    offset: int
    start: int


@dataclass(slots=True)
class Passages:
    """Joins passages, each of them at its offset where that is possible.

    Positions are taken relative to the piece that they stand in, so they are right also where the
    offsets of passages are not.
    """

    counted: Offsets
    tally: Tally
    pieces: list[Piece] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _length: int = 0

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def add(self, passage: Record) -> list[Piece]:
        """Take a passage, and give its pieces: itself, or its sentences if they have the text."""
        sentences = passage.records("sentences")
        self.tally.note("sentence: its borders are not read; the text is cut anew", len(sentences))
        if "text" in passage or not sentences:
            text = passage.string("text") if "text" in passage else ""
            pieces = [self._append(text, passage.integer("offset"), "\n")] if text else []
        else:
            pieces = [
                self._append(sentence.string("text"), sentence.integer("offset"), gap)
                for sentence, gap in zip(sentences, ["\n", *" " * len(sentences)], strict=False)
                if "text" in sentence
            ]
        self.pieces.extend(pieces)
        return pieces

    def _append(self, text: str, offset: int, filling: str) -> Piece:
        gap = offset - self._length
        if self._texts:
            self._put(filling * (gap if 0 < gap <= _WIDEST_GAP else 1))
        self.tally.note("passage: its offset is not where its text stands", offset != self._length)
        piece = Piece(offset, self._length)
        self._put(text)
        return piece

    def _put(self, text: str) -> None:
        self._texts.append(text)
        match self.counted:
            case "codepoints":
                self._length += len(text)
            case "utf16":
                self._length += len(text.encode("utf-16-le", "surrogatepass")) // 2
            case "bytes":
                self._length += len(text.encode("utf-8", "surrogatepass"))

    def position(self, offset: int, pieces: list[Piece]) -> int:
        """Where an offset of the file stands in the text of the document."""
        if not pieces:
            return offset
        index = bisect_right([piece.offset for piece in pieces], offset) - 1
        piece = pieces[max(index, 0)]
        return offset - piece.offset + piece.start
