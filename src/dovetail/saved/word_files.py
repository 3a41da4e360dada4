r"""The vocabularies of a model as files of words beside its description: a word a line.

The order of the lines is that of the indices.  What a line cannot show as itself is spelt ``\\``,
``\uXXXX`` or ``\UXXXXXXXX``.  The description has the name of the file and the number of its words
in the place of the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from dovetail.files.bounded import MAX_ITEMS, read_bytes

MAX_BYTES = 1 << 26
"""Of all files of words of a model together; millions of words have no more."""

_ESCAPE = re.compile(r"\\(?:\\|u[0-9a-f]{4}|U[0-9a-f]{8}|)")
LISTS = ("words", "characters")
"""The fields of a described encoder whose words are written apart."""

_BY_KEY = "words_by_path"

FILE_NAME = re.compile(rf"(?:{'|'.join(LISTS)})-[0-9]{{1,2}}\.txt")
"""The name of a file of words: its field, and the place of its encoder."""


def written_apart(encoders: Iterable[Mapping[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Write the vocabularies of described encoders into a folder; what is left to describe."""
    described = []
    for place, encoder in enumerate(encoders):
        own = dict(encoder)
        for name in LISTS:
            if name in own:
                own[name] = _write(folder / f"{name}-{place}.txt", own[name])
        if _BY_KEY in own:
            lists: Mapping[str, list[str]] = own[_BY_KEY]
            words = (word for listed in lists.values() for word in listed)
            own[_BY_KEY] = _write(folder / f"words-{place}.txt", words)
            own[_BY_KEY]["sizes"] = {key: len(listed) for key, listed in lists.items()}
        described.append(own)
    return described


def read_back(encoders: object, folder: Path) -> object:
    """Described encoders with their vocabularies; what is no description stays as it is.

    Raises:
        OSError: if a file of words cannot be read, or has too many bytes.
        ValueError: if it is not what the description says.
    """
    if not isinstance(encoders, list):
        return encoders
    left = MAX_BYTES
    whole = []
    for encoder in encoders:
        own = dict(encoder) if isinstance(encoder, dict) else encoder
        for name in (*LISTS, _BY_KEY):
            told = own.get(name) if isinstance(own, dict) else None
            if isinstance(told, dict) and "file" in told:
                words, size = _read(folder, told, at_most=left)
                left -= size
                own[name] = _parted(words, told["sizes"]) if name == _BY_KEY else words
        whole.append(own)
    return whole


def _parted(words: list[str], sizes: object) -> dict[str, list[str]]:
    """The words by their keys, so many for each."""
    if not isinstance(sizes, dict) or not all(
        type(size) is int and size >= 0 for size in sizes.values()
    ):
        raise ValueError("'sizes': expected how many words each path has")
    ends = [0]
    for size in sizes.values():
        ends.append(ends[-1] + size)
    if ends[-1] != len(words):
        raise ValueError(f"'sizes': expected {len(words):,} words in all, found {ends[-1]:,}")
    return {key: words[start:end] for key, (start, end) in zip(sizes, pairwise(ends), strict=True)}


def _write(path: Path, words: Iterable[str]) -> dict[str, Any]:
    lines = [f"{_spelt(word)}\n" for word in words]
    # In a folder that appears when it is whole, so that this needs no care of its own.
    path.write_text("".join(lines), encoding="utf-8", newline="")
    return {"file": path.name, "count": len(lines)}


def _read(folder: Path, told: Mapping[str, Any], *, at_most: int) -> tuple[list[str], int]:
    """The words of a file, and its size."""
    name, count = told["file"], told.get("count")
    if not isinstance(name, str) or FILE_NAME.fullmatch(name) is None:
        raise ValueError(
            f"expected the name of a file of words, as words-1.txt, found {name!r:.60}"
        )
    content = read_bytes(folder / name, at_most=at_most)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: expected words in UTF-8: {error}") from error
    lines = text.split("\n")
    if lines.pop() or len(lines) != count or len(lines) > MAX_ITEMS:
        raise ValueError(f"{name}: expected {count!r:.20} words, one a line, found {len(lines):,}")
    return list(_words(lines, name)), len(content)


def _words(lines: Iterable[str], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield _ESCAPE.sub(_meant, line) if "\\" in line else line
        except (ValueError, OverflowError):
            raise ValueError(
                rf"{name}:{number}: expected an escape as \\, \u2028 or \U0010ffff after a "
                rf"backslash, found {line!r:.60}"
            ) from None


def _spelt(word: str) -> str:
    if word.isprintable() and "\\" not in word:
        return word
    return "".join(sign if sign.isprintable() and sign != "\\" else _escaped(sign) for sign in word)


def _escaped(sign: str) -> str:
    if sign == "\\":
        return r"\\"
    return f"\\u{ord(sign):04x}" if ord(sign) < 1 << 16 else f"\\U{ord(sign):08x}"


def _meant(match: re.Match[str]) -> str:
    if match[0] == r"\\":
        return "\\"
    return chr(int(match[0][2:], 16))  # a lone backslash leaves no digits
