"""The entries of a search space: what values a field may get, and when it gets one at all.

Knows plain values and Optuna's trials, and nothing of Dovetail's config.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optuna.trial import BaseTrial

DIGITS = 3
"""Significant digits of a number from a continuous range: a recipe is for people to read."""


@dataclass(frozen=True)
class Condition:
    """When a field is tuned: another field has a value, or is on (neither 0 nor false)."""

    field: str
    value: Any = None

    def holds(self, found: Any) -> bool:
        """Whether it holds if the other field has the value `found`."""
        return bool(found) if self.value is None else same(found, self.value)

    def __str__(self) -> str:
        """As one writes it: ``FIELD`` or ``FIELD=VALUE``."""
        return self.field if self.value is None else f"{self.field}={json.dumps(self.value)}"


@dataclass(frozen=True)
class Choices:
    """One of some values, of whatever types."""

    values: tuple[Any, ...]
    only_if: Condition | None = None

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Values that stand for all of them when they are checked."""
        return self.values

    def suggest(self, trial: BaseTrial, field: str) -> Any:
        """Let a trial choose; returns what the storage holds."""
        return trial.suggest_categorical(field, [self.encode(value) for value in self.values])

    def encode(self, value: Any) -> Any:
        """A value as the storage can hold it: lists and tables as text."""
        return value if isinstance(value, bool | int | float | str) else json.dumps(value)

    def decode(self, stored: Any) -> Any:
        """The value that `encode` was given."""
        return next(value for value in self.values if same(self.encode(value), stored))

    def contains(self, value: Any) -> bool:
        return any(same(own, value) for own in self.values)

    def including(self, value: Any) -> Choices:
        """The same entry with one more value, if it lacks it."""
        return self if self.contains(value) else replace(self, values=(value, *self.values))

    def to_toml(self) -> Any:
        """As `read_space` takes it."""
        if self.only_if is None:
            return list(self.values)
        return {"values": list(self.values), "only_if": str(self.only_if)}


@dataclass(frozen=True)
class Range:
    """Whole or other numbers from `low` to `high`, both included.

    Steps are counted from `low`; without `step` the numbers are continuous, or all whole ones.
    With `log`, each order of magnitude is as likely as any other.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False
    only_if: Condition | None = None

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Values that stand for all of them when they are checked."""
        return (self.low, self.high)

    def suggest(self, trial: BaseTrial, field: str) -> Any:
        """Let a trial choose; returns what the storage holds."""
        if self.whole:
            low, high, step = int(self.low), int(self.high), int(self.step or 1)
            return trial.suggest_int(field, low, high, step=step, log=self.log)
        return trial.suggest_float(field, self.low, self.high, step=self.step, log=self.log)

    def encode(self, value: Any) -> Any:
        """A value as the storage can hold it."""
        return value

    def decode(self, stored: Any) -> Any:
        """The number of a trial, with few digits."""
        if self.whole:
            return int(stored)
        return min(max(float(f"{stored:.{DIGITS}g}"), self.low), self.high)

    def contains(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and (self.step is None or self._on_grid(value))

    def _on_grid(self, value: float) -> bool:
        steps = (value - self.low) / (self.step or 1)
        return math.isclose(steps, round(steps), abs_tol=1e-9)

    def including(self, value: Any) -> Range:
        """The same entry, so wide and so fine that a number is in it.

        What is no number, or is not above 0 in a logarithmic range, stays outside.
        """
        outside = isinstance(value, bool) or not isinstance(value, int | float)
        if outside or (self.log and value <= 0):
            return self
        wider = replace(self, low=min(self.low, value), high=max(self.high, value))
        if wider.contains(value) and (self.step is None or wider.low == self.low):
            return wider
        finer = math.gcd(int(self.step or 1), abs(int(self.low) - int(value)))
        return replace(wider, step=finer if self.whole else None)

    def to_toml(self) -> dict[str, Any]:
        """As `read_space` takes it."""
        table: dict[str, Any] = {"low": self.low, "high": self.high}
        if self.step is not None:
            table["step"] = self.step
        if self.log:
            table["log"] = True
        if self.only_if is not None:
            table["only_if"] = str(self.only_if)
        return table


Entry = Choices | Range
"""The admitted values of a field."""


def same(one: Any, other: Any) -> bool:
    """Equality that tells true from 1, and false from 0.

    >>> same(True, 1), same(1, 1.0), same([0, False], [0, 0])
    (False, True, False)
    """
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
