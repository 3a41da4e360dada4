"""A search space: entries for fields of a config, each checked against the config's own types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optuna.trial import BaseTrial

from dovetail.config import Config, problem_with, value_of, with_changes
from dovetail.config.in_words import inline_toml
from dovetail.errors import ConfigError
from dovetail.lab.search.entries import Entry, same

Values = dict[str, Any]
"""The values of the fields that a trial tunes; a field whose condition fails is not in it."""

YARDSTICK = "scores of trials would no longer be scores of the same thing"

REFUSED = {
    "name": "it names the run and changes nothing else",
    "seed": "the seed that was luckiest on the dev set is no better recipe",
    "training.select": YARDSTICK,
    "training.threads": "it changes the time that training takes, and nothing else",
    "training.cache_gigabytes": "it changes the time that training takes, and nothing else",
    "training.disk_cache_gigabytes": "it changes the time that training takes, and nothing else",
    "entity_head.threshold": "training compares epochs without it",
    "relation_head.threshold": "training compares epochs at 0.5 whatever it says; "
    '"tuned" finds one for each relation type when `dovetail train` ends',
}
"""Fields that cannot be tuned, with the reason."""

TUNED_DATA = (
    *("data.extra_per_epoch", "data.extra_tasks", "data.extra_unrelated"),
    *("data.negatives_per_epoch", "data.negatives_for"),
)
"""The only fields of the data that can be tuned."""


@dataclass(frozen=True)
class Space:
    """The fields to tune in a config; an entry comes after the one that its condition names.

    Raises:
        ConfigError: if a field is unknown, or cannot have a value that it may get here.
    """

    start: Config
    entries: Mapping[str, Entry]
    source: str = "the search space"

    def __post_init__(self) -> None:
        if not self.entries:
            raise ConfigError(
                f"{self.source}: nothing to tune; name a field with its values, such as "
                f'"sharing.shared_layers" = {{low = 0, high = 3}}'
            )
        problems = [
            f"{field}: {problem}"
            for field, entry in self.entries.items()
            if (problem := _problem_with_entry(self.start, field, entry))
        ]
        if len(problems) == 1:
            raise ConfigError(f"{self.source}: {problems[0]}")
        if problems:
            raise ConfigError("\n  ".join([f"{self.source}: {len(problems)} problems", *problems]))
        object.__setattr__(self, "entries", _parents_first(self.entries, self.source))

    def suggest(self, trial: BaseTrial) -> Values:
        """Let a trial choose a value for every field whose condition holds."""
        stored: Values = {}
        for field, entry in self.entries.items():
            if self._is_tuned(entry, self.values(stored)):
                stored[field] = entry.suggest(trial, field)
        return self.values(stored)

    def values(self, stored: Mapping[str, Any]) -> Values:
        """The values of a trial from what the storage holds of it."""
        start = self.start_values
        if same(stored, self.stored(start)):
            return start  # with all digits
        return {
            field: entry.decode(stored[field])
            for field, entry in self.entries.items()
            if field in stored
        }

    def stored(self, values: Values) -> dict[str, Any]:
        """The values of a trial as the storage holds them."""
        return {field: self.entries[field].encode(value) for field, value in values.items()}

    def config(self, values: Values) -> Config:
        """The start with other values; what is not tuned because of its condition is off.

        Raises:
            ConfigError: if the values contradict each other.
        """
        if self.is_start(values):
            return self.start
        return with_changes(self.start, values, defaults=self._off(values))

    @cached_property
    def start_values(self) -> Values:
        """The start's values of the fields that are tuned."""
        values: Values = {}
        for field, entry in self.entries.items():
            if self._is_tuned(entry, values):
                values[field] = self._found[field]
        return values

    @cached_property
    def _found(self) -> Values:
        """The start's values of the fields of entries and conditions."""
        asked = [entry.only_if.field for entry in self.entries.values() if entry.only_if]
        return {field: value_of(self.start, field) for field in [*self.entries, *asked]}

    @property
    def outside(self) -> Values:
        """The values of the start that the space lacks; without any, it is the first trial."""
        return {f: v for f, v in self.start_values.items() if not self.entries[f].contains(v)}

    def is_start(self, values: Values) -> bool:
        """Whether these are the values of the start."""
        return same(values, self.start_values)

    def changes(self, values: Values) -> Values:
        """The values that are not those of the start."""
        return {f: v for f, v in values.items() if not same(v, self._found[f])}

    def to_toml(self) -> str:
        """The entries as a file that `read_space` reads."""
        lines = (
            f"{json.dumps(field)} = {inline_toml(entry.to_toml())}\n"
            for field, entry in self.entries.items()
        )
        return "".join(lines)

    def _is_tuned(self, entry: Entry, values: Values) -> bool:
        if entry.only_if is None:
            return True
        field = entry.only_if.field
        found = values[field] if field in values else self._found[field]
        return entry.only_if.holds(found)

    def _off(self, values: Values) -> list[str]:
        return [field for field in self.entries if field not in values]


def _problem_with_entry(start: Config, field: str, entry: Entry) -> str | None:
    """Why a field cannot have the values of its entry, or None."""
    if field in REFUSED:
        return f"cannot be tuned: {REFUSED[field]}"
    if field.startswith("data.") and field not in TUNED_DATA:
        return f"cannot be tuned: {YARDSTICK}"
    changes = {}
    if entry.only_if is not None:
        other, expected = entry.only_if.field, entry.only_if.value
        if expected is not None:
            changes = {other: expected}
        elif value_of(start, other) is None:
            return f"only_if: {other}: {_problem(start, {other: 1}) or 'it has no value here'}"
        if problem := _problem(start, changes):
            return f"only_if: {other}: {problem}"
    for value in entry.extremes:
        if problem := _problem(start, {**changes, field: value}):
            return problem
    return None


def _problem(start: Config, changes: Mapping[str, Any]) -> str | None:
    try:
        return problem_with(start, changes)
    except ConfigError as error:
        return str(error).removeprefix(f"{[*changes][-1]}: ")


def _parents_first(entries: Mapping[str, Entry], source: str) -> dict[str, Entry]:
    """The entries in their order, but none before the one that its condition asks."""
    ordered: dict[str, Entry] = {}

    def place(field: str, below: tuple[str, ...]) -> None:
        if field in below:
            circle = " asks ".join([*below[below.index(field) :], field])
            raise ConfigError(f"{source}: the conditions go in a circle: {circle}")
        condition = entries[field].only_if
        if condition is not None and condition.field in entries:
            place(condition.field, (*below, field))
        ordered.setdefault(field, entries[field])

    for field in entries:
        place(field, ())
    return ordered
