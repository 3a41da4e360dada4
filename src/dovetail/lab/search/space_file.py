"""A search space as a TOML file: fields of the config with the values that they may get.

"sharing.shared_layers" = {low = 0, high = 3}
"training.learning_rate" = {low = 5e-4, high = 5e-3, log = true}
"entity_head.scheme" = ["bio", "bilou"]
"relation_head.pair_dropout" = {low = 0, high = 0.5, only_if = "relation_head.pair_hidden_dim"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dovetail.config import Config, problem_with
from dovetail.config.config_files import read_toml
from dovetail.errors import ConfigError
from dovetail.lab.search.entries import Choices, Condition, Entry, Range, same
from dovetail.lab.search.space import Space

KEYS = ("low", "high", "step", "log", "values", "only_if")
"""The keys of an entry that is a table."""

EXPECTED = "expected a list of values such as [0, 1], or a table such as {low = 0, high = 3}"


def read_space(path: Path, start: Config) -> Space:
    """Read a search space for a config.

    Raises:
        ConfigError: if the file cannot be read, or an entry cannot be right.
    """
    values = read_toml(path, kind="search space")
    return parse_space(values, start, source=str(path))


def parse_space(
    values: Mapping[str, Any], start: Config, *, source: str = "the search space"
) -> Space:
    """Make a search space of the values that a TOML file would hold.

    Raises:
        ConfigError: if an entry cannot be right.
    """
    entries = {}
    for field, value in _flattened(values):
        try:
            entries[field] = entry_of(start, field, value)
        except ConfigError as error:
            raise ConfigError(f"{source}: {field}: {error}") from None
    return Space(start, entries, source)


def _flattened(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each field with its entry; `[sharing]` and `sharing.x = …` mean `"sharing.x" = …`."""
    for name, value in values.items():
        field = f"{above}.{name}" if above else name
        if isinstance(value, dict) and not any(key in KEYS for key in value):
            yield from _flattened(value, field)
        else:
            yield field, value


def entry_of(start: Config, field: str, value: Any) -> Entry:
    """The entry of a field, of the value that a TOML file would hold.

    Raises:
        ConfigError: if it cannot be right.
    """
    table = {"values": value} if isinstance(value, list) else value
    if not isinstance(table, dict):
        raise ConfigError(f"{EXPECTED}, found {value!r}")
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(KEYS)}"
            raise ConfigError(f"unknown key {key}; {hint}")
    condition = _condition(table["only_if"]) if "only_if" in table else None
    if "values" in table:
        return _choices(table, condition)
    return _range(start, field, table, condition)


def _condition(text: Any) -> Condition:
    """The condition that is written as ``FIELD`` or ``FIELD=VALUE``."""
    from dovetail.config.overrides import parse_override

    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f'only_if: expected "FIELD" or "FIELD=VALUE", found {text!r}')
    field, equals, _ = text.partition("=")
    return Condition(field.strip(), parse_override(text)[1] if equals else None)


def _choices(table: Mapping[str, Any], condition: Condition | None) -> Choices:
    values = table["values"]
    if not isinstance(values, list) or len(values) < 2:
        raise ConfigError(f"expected a list of at least two values, found {values!r}")
    if others := table.keys() - {"values", "only_if"}:
        raise ConfigError(f"values leaves no room for {', '.join(sorted(others))}; leave it out")
    for index, value in enumerate(values):
        if any(same(value, earlier) for earlier in values[:index]):
            raise ConfigError(f"{value!r} is named twice")
    return Choices(tuple(values), condition)


def _range(
    start: Config, field: str, table: Mapping[str, Any], condition: Condition | None
) -> Range:
    for key in ("low", "high"):
        if key not in table:
            raise ConfigError(f"{key} is missing; {EXPECTED}")
    numbers = {key: table[key] for key in ("low", "high", "step") if key in table}
    for key, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ConfigError(f"{key}: expected a number, found {number!r}")
    low, high, step, log = table["low"], table["high"], table.get("step"), table.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"log: expected true or false, found {log!r}")
    if not low < high:
        raise ConfigError(f"low has to be below high, found {low} and {high}")
    if log and low <= 0:
        raise ConfigError(f"with log = true, low has to be above 0, found {low}")
    if log and step is not None:
        raise ConfigError("step and log cannot both be meant; leave one out")
    if step is not None and not 0 < step <= high - low:
        raise ConfigError(f"step has to be above 0 and at most high - low, found {step}")
    return Range(low, high, step, log, _is_whole(start, field, numbers, condition), condition)


def _is_whole(
    start: Config, field: str, numbers: Mapping[str, Any], condition: Condition | None
) -> bool:
    """Whether the numbers are counts: written as such, in a field that takes no others."""
    if any(isinstance(number, float) for number in numbers.values()):
        return False
    kind = (
        {} if condition is None or condition.value is None else {condition.field: condition.value}
    )
    try:
        return problem_with(start, {**kind, field: float(numbers["high"])}) is not None
    except ConfigError:
        return True  # said in full when the entry is checked
