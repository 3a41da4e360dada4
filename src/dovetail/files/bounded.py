"""Files and values of bounded size: what is too much is refused before it is read or built.

A path may name anything, and a small file may ask for more than a machine has.  So only regular
files are opened, and of JSON and TOML what is counted first is what grows when they are parsed.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

MAX_LEVELS = 100
"""Tables and lists within one another."""

MAX_ITEMS, MAX_TABLES = 4_000_000, 1_000_000
"""Values of a JSON file that describes a model, and tables and named values among them."""

_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a FIFO",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}

_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # not on all systems

_LONG_NUMBER = re.compile(r"[0-9]{19}")
# Never fails to match from a quote on, so that it is linear in the length of the text.
_TOML_STRINGS = re.compile(r'"(?:[^"\\\n]|\\.)*"?|\'[^\'\n]*\'?|#[^\n]*')
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_.-]+")


def read_bytes(path: Path, *, at_most: int) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: if it cannot be read, is no regular file, or has more bytes than that; `strerror`
            is a sentence for the user.
    """
    check_regular(path)
    # Should another thing have come in its place since, opening a FIFO must not wait for a writer.
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _refuse_others(status)
        _refuse_larger(status.st_size, at_most)
        content = file.read(status.st_size + 1)  # room for so many bytes is made at once
        if len(content) > status.st_size:  # it grows, or is one of those that the system makes up
            content += file.read(at_most + 1 - len(content))
    _refuse_larger(len(content), at_most)
    return content


def bounded_lines(file: TextIO, *, at_most: int = 1 << 20) -> Iterator[str]:
    """The lines of an open file, with their line breaks.

    Raises:
        ValueError: at a line of more characters than that.
    """
    while line := file.readline(at_most + 1):
        if len(line) > at_most:
            raise ValueError(f"a line of more than {at_most:,} characters")
        yield line


def check_regular(path: Path, *, at_most: int | None = None) -> None:
    """Refuse what is no regular file, and might never end, and one that has more bytes than that.

    Raises:
        OSError: if it is none, too large, or not there; `strerror` is a sentence for the user.
    """
    try:
        status = os.stat(path)
        _refuse_others(status)
        if at_most is not None:
            _refuse_larger(status.st_size, at_most)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, f"no file can have this name ({error})") from None


def _refuse_others(status: os.stat_result) -> None:
    for is_kind, name in _KINDS.items():
        if is_kind(status.st_mode):
            number = errno.EISDIR if name == "a folder" else errno.EINVAL
            raise OSError(number, f"expected a regular file, found {name}")


def _refuse_larger(size: int, at_most: int) -> None:
    if size > at_most:
        raise OSError(
            errno.EFBIG, f"it has {size:,} bytes or more, and at most {at_most:,} are read"
        )


def read_json(path: Path, *, at_most: int) -> Any:
    """The value of a JSON file that describes something, such as a model.

    Raises:
        OSError: as `read_bytes`.
        ValueError: if it is not JSON in UTF-8, or holds too many values.
    """
    text = read_bytes(path, at_most=at_most).decode("utf-8")
    if text.count(",") > MAX_ITEMS or any(text.count(sign) > MAX_TABLES for sign in "[{:"):
        raise ValueError(
            f"more than {MAX_ITEMS:,} values, or {MAX_TABLES:,} tables and named values"
        )
    return json_value(text)


def json_value(text: str) -> Any:
    """Parse JSON, but no numbers and no depths that the rest of a program stumbles over.

    Raises:
        ValueError: if it is not JSON, has a whole number beyond 64 bits, or more than `MAX_LEVELS`
            levels.
    """
    parse_int = _whole_number if _LONG_NUMBER.search(text) else None
    try:
        value = json.loads(text, parse_int=parse_int)
    except RecursionError:
        raise _too_deep() from None
    if isinstance(value, dict | list):
        check_levels(value)
    return value


def toml_values(text: str) -> dict[str, Any]:
    """Parse TOML under the same conditions.

    Raises:
        ValueError: if it is not TOML, or as `json_value`.
    """
    bare = _TOML_STRINGS.sub('""', text).replace(" ", "").replace("\t", "")
    # Of a key with many dots, the parser keeps every beginning.
    if any(word.count(".") > MAX_LEVELS for word in _NOT_IN_KEYS.split(bare.replace('""', ""))):
        raise _too_deep()
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    check_levels(values)
    _refuse_long_numbers(values)
    return values


def _whole_number(digits: str) -> int:
    # Python itself refuses to read numbers of more than 4,300 digits, and to write such ones.
    if len(digits) > 20:
        raise ValueError(f"a whole number of {len(digits):,} digits; at most 64 bits are read")
    return _refuse_long(int(digits))


def _refuse_long(number: int) -> int:
    if number.bit_length() > 63:
        raise ValueError(f"a whole number of {number.bit_length():,} bits; at most 64 are read")
    return number


def check_levels(value: Any) -> None:
    """Raise `ValueError` if a JSON value has more than `MAX_LEVELS` levels."""
    level, levels = [value], 0
    while level:
        level = [
            below
            for item in level
            for below in (item.values() if isinstance(item, dict) else item)
            if isinstance(below, dict | list)
        ]
        levels += 1
        if levels > MAX_LEVELS:
            raise _too_deep()


def _refuse_long_numbers(value: Any) -> None:
    """Recursive: the levels are checked."""
    if isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            _refuse_long_numbers(below)
    elif isinstance(value, int):
        _refuse_long(value)


def _too_deep() -> ValueError:
    return ValueError(f"more than {MAX_LEVELS} tables and lists within one another")
