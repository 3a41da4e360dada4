"""Single values set from the command line: ``sharing.entity_layers=2``."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any

from dovetail.config.structure import dotted
from dovetail.errors import ConfigError


def apply_overrides(
    values: Mapping[str, Any], overrides: Sequence[str], *, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a copy of TOML values in which the overrides are set, in their order.

    `defaults` holds what an override may reach into although the values do not name it.  Whether
    a path and its value are right is for validation to say: an unknown one gets there like one
    from a file.

    Raises:
        ConfigError: if an override is no ``path=value``, or its path leads through what is
            neither a table nor an item of a list.
    """
    result = copy.deepcopy(dict(values))
    for override in overrides:
        path, value = parse_override(override)
        if len(path) > 1 and path[0] in defaults:
            result.setdefault(path[0], copy.deepcopy(defaults[path[0]]))
        set_value(result, path, value, source=f"override {override!r}")
    return result


def parse_override(override: str) -> tuple[tuple[str, ...], Any]:
    """Split an override into its path and its value; a bare word is a string.

    >>> parse_override("sharing.entity_layers=2")
    (('sharing', 'entity_layers'), 2)
    >>> parse_override("encoders.0.pooling=mean")
    (('encoders', '0', 'pooling'), 'mean')

    An item of a list is named by its number, or by its `name`: ``corpora.news.part=0:0.5``.

    Raises:
        ConfigError: if the text is no ``path=value``.
    """
    left, equals, right = override.partition("=")
    text = right.strip()
    if not equals or not text:
        raise ConfigError(
            f"expected an override such as sharing.entity_layers=2, found {override!r}; "
            f"an empty string is written '\"\"'"
        )
    return _parse_path(left, override=override), _parse_value(text, override=override)


def _parse_path(text: str, *, override: str) -> tuple[str, ...]:
    try:
        # An escaped line break is no TOML; a plain one would let a table header in.
        node: Any = tomllib.loads(f"{text.strip()} = 0".replace("\n", "\\n"))
    except tomllib.TOMLDecodeError:
        node = {}
    path: list[str] = []
    while isinstance(node, dict) and len(node) == 1:
        ((part, node),) = node.items()
        path.append(part)
    if node != 0 or not path:
        raise ConfigError(
            f"expected names joined by dots before the = of {override!r}, found {text!r}; "
            f"put a name with other signs than letters, digits, _ and - in quotes"
        )
    return tuple(path)


def _parse_value(text: str, *, override: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError as error:
        if text[0] in "\"'[{":  # meant as TOML
            raise ConfigError(
                f"the value of the override {override!r} is not TOML: {error}"
            ) from None
        return text
    # More keys: the text had a line break.  A date: no field holds one, so it is a word.
    value = parsed["value"]
    return text if len(parsed) > 1 or isinstance(value, date | time) else value


def set_value(values: dict[str, Any], path: Sequence[str], value: Any, *, source: str) -> None:
    """Set a value at a path, in place; tables that are missing on the way are made.

    Raises:
        ConfigError: starting with `source`, if the path leads through what is neither a table nor
            an item of a list.
    """
    node: Any = values
    for depth, part in enumerate(path):
        is_last = depth == len(path) - 1
        key = _key(node, part, path=path[:depth], source=source)
        if is_last:
            node[key] = value
        elif isinstance(node, dict):
            node = node.setdefault(key, {})
        else:
            node = node[key]


def _key(node: Any, part: str, *, path: Sequence[str], source: str) -> str | int:
    """The key under which a part of a path is found in a table or list."""
    if isinstance(node, dict):
        return part
    if isinstance(node, list):
        place = place_in(node, part)
        if place is not None:
            return place
        names = [str(item.get("name")) for item in node if isinstance(item, dict)]
        or_name = "" if "None" in names else f" or a name ({', '.join(names)})"
        raise ConfigError(
            f"{source}: {dotted(path)} has {len(node)} items; expected a number "
            f"from 0 to {len(node) - 1}{or_name} after it, found {part!r}"
        )
    raise ConfigError(
        f"{source}: {dotted(path)} is the value {node!r}, which has nothing named {part!r}"
    )


def place_in(items: Sequence[Any], part: str) -> int | None:
    """Find the place of an item of a list that is meant by its number or by its name.

    >>> place_in([{"name": "news"}, {"name": "drugs"}], "drugs"), place_in(["a", "b"], "0")
    (1, 0)
    """
    if part.isdecimal() and int(part) < len(items):
        return int(part)
    named = (
        place
        for place, item in enumerate(items)
        if isinstance(item, dict) and item.get("name") == part
    )
    return next(named, None)
