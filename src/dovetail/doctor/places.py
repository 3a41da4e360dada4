"""Where a sentence stands in the files of a corpus, as ``file:line``.

Formats differ in how they write a sentence, but all write its words in their order.  So a file is
reduced to its letters and digits, as `wording` reduces a sentence, and searched for these.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dovetail.corpora.source.text_files import read_text
from dovetail.doctor.finding import Example
from dovetail.errors import CorpusError
from dovetail.text.document import Entity, Relation, Sentence
from dovetail.text.wording import wording

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\[nrtbf]")
_LARGEST_FILE = 1 << 26
_SHOWN_TOKENS = 30


@dataclass(frozen=True)
class _Letters:
    """The letters of a file and the positions at which its lines begin among them."""

    text: str
    starts: Sequence[int]

    def line_of(self, words: str, occurrence: int) -> int | None:
        """The line, from 1, at which words stand for the n-th time, from 0."""
        place = -1
        for _ in range(occurrence + 1):
            place = self.text.find(words, place + 1)
            if place < 0:
                return None
        return bisect_right(self.starts, place)


@lru_cache(maxsize=8)
def _letters_of(path: Path) -> _Letters | None:
    """Nothing of a file that is no text, or is too large for a search."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return None
        text = read_text(path)
    except (CorpusError, OSError):
        return None
    starts, parts, length = [], [], 0
    for line in text.split("\n"):
        starts.append(length)
        parts.append(_reduced(line))
        length += len(parts[-1])
    return _Letters("".join(parts), starts)


def _reduced(line: str) -> str:
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else " ", line)
    folded = unicodedata.normalize("NFKC", plain).casefold()
    return "".join(sign for sign in folded if unicodedata.category(sign)[0] in "LMN")


class Places:
    """Finds sentences in some files, and folders of files."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = [*paths]

    def of(self, sentence: Sentence, occurrence: int = 0) -> str:
        """The file and the line, or else the name of the sentence.

        Args:
            sentence: what is looked for.
            occurrence: how many sentences with the same words stand before it.
        """
        words = wording(sentence)
        left = occurrence
        for path in self._files():
            letters = _letters_of(path)
            if letters is None:
                continue
            line = letters.line_of(words, left)
            if line is None:
                left -= letters.text.count(words)
                continue
            if len(letters.starts) > 2:  # the line of a file that is one line says nothing
                return f"{path}:{line}"
            return f"{path}, sentence {sentence.id}" if sentence.id else str(path)
        named = f"sentence {sentence.id}" if sentence.id else ""
        files = ", ".join(str(path) for path in self._paths[:2])
        return f"{files}, {named}" if named else files

    def _files(self) -> Iterable[Path]:
        for path in self._paths:
            if path.is_dir():
                yield from sorted(own for own in path.rglob("*") if own.suffix in (".txt", ".json"))
            else:
                yield path

    def example(self, sentence: Sentence, said: str = "", occurrence: int = 0) -> Example:
        """A sentence to look at, with what is said of it."""
        words = " ".join(sentence.tokens[:_SHOWN_TOKENS])
        more = " …" if len(sentence.tokens) > _SHOWN_TOKENS else ""
        text = f"{said}, in: {words}{more}" if said else f"{words}{more}"
        return Example(self.of(sentence, occurrence), text)


def words_of(sentence: Sentence, entity: Entity) -> str:
    """The words of an entity."""
    return " … ".join(" ".join(sentence.tokens[start:end]) for start, end in entity.pieces)


def said_of(sentence: Sentence, item: Entity | Relation) -> str:
    """An annotation in words, such as ``Ada (Person) lives_in Bonn (Place)``."""
    if isinstance(item, Entity):
        return f"{words_of(sentence, item)} ({item.type})"
    return f"{said_of(sentence, item.head)} {item.type} {said_of(sentence, item.tail)}"
