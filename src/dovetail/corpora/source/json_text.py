"""JSON with the places of its values: arrays, a value a line, and objects that span lines.

What JSON libraries let through and annotations cannot mean is refused here, with file and line:
a name that stands twice in an object, half a surrogate pair, a number of thousands of digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from dovetail.corpora.source.json_records import Record
from dovetail.errors import CorpusFormatError
from dovetail.files.bounded import check_levels

_BLANK = re.compile(r"\s*")
_OBJECT_AT_LINE_START = re.compile(r"^\{", re.MULTILINE)
_PARTS = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\],]')
_STRINGS_AND_BRACES = re.compile(r'"(?:[^"\\\n]|\\.)*"(\s*:)?|[{}]')
_CLOSED_BY = {"]": "[", "}": "{"}
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class _RepeatedNameError(ValueError):
    """A name that stands twice in an object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise _RepeatedNameError(repr(repeated[:60]))
    return values


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value of a file and its place, ``file:line`` or, in an array, ``file:line: item 3``.

    What is wrong with it is raised when it is asked for, so that the caller decides what becomes
    of it.
    """

    where: str
    _value: Any = None
    _error: CorpusFormatError | None = field(default=None, repr=False)

    def value(self) -> Any:
        """The value.

        Raises:
            CorpusFormatError: if it is not JSON, with the line of the error.
        """
        if self._error is not None:
            raise self._error
        return self._value

    def record(self) -> Record:
        """The value, which has to be an object.

        Raises:
            CorpusFormatError: if it is not JSON, or anything else.
        """
        return Record.of(self.value(), self.where)


def parse_json(text: str, path: Path, *, line: int = 1) -> Any:
    """Parse a JSON value that starts at the given line of a file.

    Raises:
        CorpusFormatError: if it is not JSON, with the line of the first error.
    """
    try:
        value, end = _decode(text, _skip(text, 0))
        if text[end:].strip():
            raise json.JSONDecodeError("Extra data", text, end)
    except (RecursionError, ValueError) as error:
        raise _named(error, text, path, line) from error
    return value


def is_array(text: str) -> bool:
    """Whether a text is a JSON array rather than values one after another."""
    return text.lstrip()[:1] == "["


def json_values(text: str, path: Path) -> Iterator[JsonValue]:
    """The items of a JSON array, or the values that stand one after another in a file.

    A value may span lines.  Behind one that is broken, reading goes on at the next item, or at the
    next line that begins with an object.
    """
    return _items(text, path) if is_array(text) else _values(text, path)


def _values(text: str, path: Path) -> Iterator[JsonValue]:
    """The values of a file, read in pieces that begin with a line that begins with a brace."""
    starts = sorted({0, *(match.start() for match in _OBJECT_AT_LINE_START.finditer(text))})
    line = 1
    for start, end in pairwise([*starts, len(text)]):
        piece = text[start:end].rstrip()  # so that what is cut off is broken where it is cut
        position = _skip(piece, 0)
        while position < len(piece):
            where = f"{path}:{line + piece.count(chr(10), 0, position)}"
            try:
                value, after = _decode(piece, position)
                position = _skip(piece, after)
                follows = piece[after:position], piece[position : position + 1]
                if "\n" not in follows[0] and follows[1] not in ("", "{"):
                    raise json.JSONDecodeError("Extra data", piece, position)
            except (RecursionError, ValueError) as error:
                yield JsonValue(where, None, _named(error, piece, path, line))
                break
            yield JsonValue(where, value)
        line += text.count("\n", start, end)


def _items(text: str, path: Path) -> Iterator[JsonValue]:
    """The items of an array; what follows its end breaks it as an item would."""
    position = _skip(text, text.index("[") + 1)
    line, counted, number, closed = 1, 0, 0, False
    while not closed or position < len(text):
        line += text.count("\n", counted, position)
        counted = position
        where = f"{path}:{line}: item {number}"
        if not number and text.startswith("]", position):
            position, closed = _skip(text, position + 1), True
            continue
        try:
            if closed:
                raise json.JSONDecodeError("Extra data", text, position)
            value, after = _decode(text, position)
            position, closed = _behind(text, after)
            yield JsonValue(where, value)
        except (RecursionError, ValueError) as error:
            follows = len(text) if closed else _next_item(text, position)
            yield JsonValue(where, None, _named_item(error, text, position, follows, path))
            position, closed = follows, follows == len(text)
        number += 1


def _skip(text: str, position: int) -> int:
    """The next position that is not blank."""
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _decode(text: str, position: int) -> tuple[Any, int]:
    """The value that begins at a position, and where it ends."""
    value, end = _DECODER.raw_decode(text, position)
    if isinstance(value, dict | list):
        check_levels(value)
    if _HALF_PAIR.search(text, position, end):
        for match in _STRINGS_AND_BRACES.finditer(text, position, end):
            if match[0][0] == '"':
                json.loads(_literal(match[0])).encode()
    return value, end


def _literal(text: str) -> str:
    """A string without the colon behind it."""
    return text[: text.rindex('"') + 1]


def _behind(text: str, end: int) -> tuple[int, bool]:
    """Where to go on behind an item, and whether the array has ended there.

    Raises:
        json.JSONDecodeError: if neither a comma nor the end of the array follows.
    """
    position = _skip(text, end)
    if text.startswith("]", position):
        return _skip(text, position + 1), True
    if not text.startswith(",", position):
        raise json.JSONDecodeError("Expecting ',' delimiter or ']'", text, position)
    return _skip(text, position + 1), False


def _next_item(text: str, position: int) -> int:
    """Where the item behind a broken one begins: behind a comma that no bracket encloses."""
    opened: list[str] = []
    for match in _PARTS.finditer(text, position):
        part = match[0]
        if part in _CLOSED_BY.values():
            opened.append(part)
        elif part in _CLOSED_BY:
            if _CLOSED_BY[part] not in opened:
                break
            while opened.pop() != _CLOSED_BY[part]:
                pass  # a bracket that was never closed
        elif part == "," and not opened:
            return _skip(text, match.end())
    return len(text)


def _named_item(error: Exception, text: str, start: int, end: int, path: Path) -> CorpusFormatError:
    """What is wrong with the item of an array between two positions of a file."""
    if isinstance(error, json.JSONDecodeError):
        return _named(error, text, path, 1)
    return _named(error, text[start:end], path, text.count("\n", 0, start) + 1)


def _named(error: Exception, text: str, path: Path, line: int) -> CorpusFormatError:
    """What is wrong with a text that begins in a line of a file."""
    if isinstance(error, json.JSONDecodeError):
        return CorpusFormatError(
            f"{path}:{line + error.lineno - 1}: malformed JSON at column {error.colno}: "
            f"{error.msg}; repair the line, or write the file with a JSON library"
        )
    if isinstance(error, _RepeatedNameError):
        return CorpusFormatError(
            f"{path}:{line + _line_of_repeated(text)}: the name {error} stands twice in one "
            f"object, and only one of the two could be read; remove the other"
        )
    if isinstance(error, UnicodeEncodeError):
        return CorpusFormatError(
            f"{path}:{line + _line_of_half_pair(text)}: a text holds half a surrogate pair; write "
            f"the character whole"
        )
    reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
    if "digits" in reason:  # what Python converts is limited
        reason = "it holds a number of thousands of digits"
    return CorpusFormatError(f"{path}:{line}: JSON that cannot be read: {reason}")


def _line_of_repeated(text: str) -> int:
    """The line, from 0, of the first name that its object has already."""
    names: list[set[str]] = [set()]
    for match in _STRINGS_AND_BRACES.finditer(text):
        if match[0] == "{":
            names.append(set())
        elif match[0] == "}":
            names.pop()
        elif match[1]:
            name = json.loads(_literal(match[0]))
            if name in names[-1]:
                return text.count("\n", 0, match.start())
            names[-1].add(name)
    return 0


def _line_of_half_pair(text: str) -> int:
    """The line, from 0, of the first text with half a surrogate pair."""
    for match in _HALF_PAIR.finditer(text):
        pair = text[match.start() : match.start() + 12]
        try:
            json.loads(f'"{pair}"').encode()
        except UnicodeEncodeError:
            return text.count("\n", 0, match.start())
        except ValueError:
            continue
    return 0
