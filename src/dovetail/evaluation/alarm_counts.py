"""The counts of relations that are found in sentences which hold none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """What is found in sentences that hold no relation.

    Of so many `sentences` the `alarmed` ones have a relation found in them, in all so many
    `relations`.
    """

    sentences: int = 0
    alarmed: int = 0
    relations: int = 0

    def __add__(self, other: FalseAlarms) -> FalseAlarms:
        return FalseAlarms(
            self.sentences + other.sentences,
            self.alarmed + other.alarmed,
            self.relations + other.relations,
        )

    @property
    def per_thousand(self) -> float:
        """The alarmed ones of a thousand such sentences; 0 if there are none."""
        return 1000 * self.alarmed / max(1, self.sentences)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> FalseAlarms:
        """Read what `to_dict` returned."""
        if values is None:
            return cls()
        return cls(values["sentences"], values["alarmed"], values["relations"])

    def to_dict(self) -> dict[str, Any] | None:
        """Counts and rate as plain JSON values; None if there are no such sentences."""
        if not self.sentences:
            return None
        return {
            "sentences": self.sentences,
            "alarmed": self.alarmed,
            "relations": self.relations,
            "per_thousand": self.per_thousand,
        }


FALSE_ALARMS = "false_alarms"
"""Where the JSON values of relations have the false alarms; null where nothing tells of them."""
