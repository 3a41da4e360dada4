"""A config with some of its values exchanged: what a search over the config makes and checks."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from dovetail.config.config import Config
from dovetail.config.config_files import parse_config
from dovetail.config.explanation import CONTRADICTION, problems_in
from dovetail.config.overrides import parse_override, place_in, set_value
from dovetail.config.structure import KIND, kind_of, locate


def value_of(config: Config, field: str) -> Any:
    """The value of a config at a path such as ``encoders.0.dropout``, as TOML would hold it.

    None where there is no such field, or nothing in it.
    """
    return _node(config.model_dump(mode="json"), _path(field))


def with_changes(
    config: Config, changes: Mapping[str, Any], *, defaults: Collection[str] = ()
) -> Config:
    """The config with other values; the fields named in `defaults` get their defaults back.

    A new `kind` keeps those of its section's fields that it has too.

    >>> config = parse_config({"data": {"train": "train.json", "dev": "dev.json"}})
    >>> changed = with_changes(config, {"sharing.entity_layers": 3, "training.epochs": 5})
    >>> changed.sharing.entity_layers, changed.training.epochs
    (3, 5)

    Raises:
        ConfigError: if the values cannot be right, alone or together.
    """
    return parse_config(_changed_values(config, changes, defaults))


def problem_with(config: Config, changes: Mapping[str, Any]) -> str | None:
    """The error of single values, or None; whether they contradict each other is not checked.

    >>> config = parse_config({"data": {"train": "train.json", "dev": "dev.json"}})
    >>> problem_with(config, {"sharing.entity_layer": 2})
    'unknown key; did you mean sharing.entity_layers?'
    >>> problem_with(config, {"sharing.dropout": 2})
    'expected a number of at least 0 and below 1, found 2'

    Raises:
        ConfigError: if a path leads through what is neither a table nor an item of a list.
    """
    try:
        Config.model_validate(_changed_values(config, changes, ()), context={})
    except ValidationError as error:
        problems = problems_in(error, section=Config, leave_out=CONTRADICTION)
        return next(iter(problems.values()), None)
    return None


def _changed_values(
    config: Config, changes: Mapping[str, Any], defaults: Collection[str]
) -> dict[str, Any]:
    values: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
    # A kind decides which other fields there are, so kinds come first.
    for field in sorted(changes, key=lambda field: _path(field)[-1] != KIND):
        path = _path(field)
        if path[-1] == KIND:
            _keep_fields_of_kind(values, path[:-1], changes[field])
        set_value(values, path, copy.deepcopy(changes[field]), source=field)
    for field in defaults:
        *parents, name = _path(field)
        table = _node(values, parents)
        if isinstance(table, dict):
            table.pop(name, None)
    return values


def _keep_fields_of_kind(values: dict[str, Any], path: tuple[str, ...], kind: Any) -> None:
    """Leave out of a table what a section of another kind would not know."""
    table = _node(values, path)
    place = locate(Config, [int(part) if part.isdecimal() else part for part in path])
    fields = {name for s in place.choices if kind_of(s) == kind for name in s.model_fields}
    if isinstance(table, dict) and fields:
        for name in [name for name in table if name not in fields]:
            del table[name]


def _node(values: Any, path: Collection[str]) -> Any:
    """The value at a path, None where there is nothing."""
    node = values
    for part in path:
        if isinstance(node, list):
            place = place_in(node, part)
            node = None if place is None else node[place]
        else:
            node = node.get(part) if isinstance(node, dict) else None
    return node


def _path(field: str) -> tuple[str, ...]:
    return parse_override(f"{field}=0")[0]
