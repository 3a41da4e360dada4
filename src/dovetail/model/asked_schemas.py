"""Which schemas of a model are asked for, and under which names their types stand in results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dovetail.model.prediction import Predictor
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY, is_only, joined_schema, joined_sentence, named
from dovetail.text.schema import Schema

Value = TypeVar("Value")


@dataclass(frozen=True)
class AskedSchemas:
    """All schemas of a model, or the one that was chosen, whose types then stand without a name.

    A `floor` is a probability from which all relations are taken, if it is below their threshold.
    """

    model: Predictor
    chosen: str = ONLY
    floor: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The schemas that the model is asked for."""
        return (self.chosen,) if self.chosen else tuple(self.model.schemas)

    @property
    def shown(self) -> tuple[str, ...]:
        """The names that stand before types in results, if any do."""
        return () if self.chosen or is_only(self.names) else self.names

    @property
    def schema(self) -> Schema:
        """All types, as they stand in results."""
        return joined_schema(self._as_shown(self.model.schemas))

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each relation type is taken, to four places."""
        return {type_: round(value, 4) for type_, value in self.exact_thresholds.items()}

    @property
    def exact_thresholds(self) -> dict[str, float]:
        """The same as they are compared."""
        lowered = math.inf if self.floor is None else self.floor
        return {
            named(name, type_): min(value, lowered) if value <= 1 else value
            for name, own in self._as_shown(self.model.heads).items()
            if own.relation_head is not None
            for type_, value in zip(
                own.schema.relation_types, own.relation_head.known_thresholds, strict=True
            )
        }

    def joined(self, found: Mapping[str, Sequence[Sentence]]) -> list[Sentence]:
        """Join the annotations that the schemas asked for found on the same sentences."""
        shown = self._as_shown(found)
        return [
            joined_sentence(dict(zip(shown, own, strict=True)))
            for own in zip(*shown.values(), strict=True)
        ]

    def _as_shown(self, values: Mapping[str, Value]) -> dict[str, Value]:
        return {ONLY if self.chosen else name: values[name] for name in self.names}
