"""The keys that a server asks for, from a file."""

from __future__ import annotations

import hmac
import os
import re
from pathlib import Path

from dovetail.errors import ConfigError
from dovetail.files.bounded import read_bytes

SHORTEST_KEY = 16
"""Characters of a key; a shorter one could be guessed."""

_MOST_BYTES = 1 << 16
_KEY = re.compile(r"[\x21-\x7e]+")  # what a header can hold


def read_keys(path: Path) -> tuple[str, ...]:
    """The keys in a file, one a line; empty lines, and those that begin with #, are none.

    Raises:
        ConfigError: if it cannot be read, has none, or one that is too short or no ASCII.
    """
    try:
        text = read_bytes(path, at_most=_MOST_BYTES).decode("ascii")
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected keys of ASCII characters, one a line") from None
    keys: list[str] = []
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        if len(line) < SHORTEST_KEY or _KEY.fullmatch(line) is None:
            raise ConfigError(
                f"{path}:{number}: expected a key of at least {SHORTEST_KEY} visible ASCII "
                f"characters, found {len(line)}; `openssl rand -hex 32` makes one"
            )
        keys.append(line)
    if not keys:
        raise ConfigError(f"{path} has no key; `openssl rand -hex 32` makes one")
    return tuple(keys)


def can_be_read_by_others(path: Path) -> bool:
    """Whether another user than the owner may read a file."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o077)


def is_known(given: str, keys: tuple[str, ...]) -> bool:
    """Whether a key is one of these, in a time that says nothing of how near it came."""
    candidate = given.encode("utf-8", "surrogatepass")
    found = False
    for key in keys:  # all of them, whichever it is
        found |= hmac.compare_digest(candidate, key.encode())
    return found
