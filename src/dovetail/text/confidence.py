"""What becomes of a model's confidences: a scale for each type, and the least that is taken.

A temperature divides log-odds (C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern
neural networks", 2017): above 1 it makes a model less sure, below 1 surer.  An offset is added to
them.  Neither changes the order of confidences, so what the best threshold finds is the same with
them and without.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any

from dovetail.text.document import Entity

COLDEST, HOTTEST, FURTHEST = 0.05, 20.0, 10.0
"""Temperatures and offsets stay within; beyond, a confidence would say nothing of the model."""

SUREST = 30.0
"""The log-odds that count as certain: nearer to 1, a probability in doubles tells little apart."""

CERTAIN = 1 / (1 + math.exp(SUREST))
"""How near probabilities come to 0 and 1."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A temperature, which divides log-odds, and an offset, which is added then."""

    temperature: float = 1.0
    offset: float = 0.0

    def of(self, probability: float) -> float:
        """The probability on this scale.

        >>> round(Scale(2.0).of(0.9), 2), Scale(7.0).of(0.5)
        (0.75, 0.5)
        """
        if self == AS_IS:
            return probability
        return _probability(_log_odds(probability) / self.temperature + self.offset)

    def back(self, probability: float) -> float:
        """The probability that is this one on the scale.

        >>> round(Scale(2.0, -0.3).back(Scale(2.0, -0.3).of(0.9)), 6)
        0.9
        """
        if self == AS_IS:
            return probability
        return _probability((_log_odds(probability) - self.offset) * self.temperature)


AS_IS = Scale()
"""The scale that changes nothing."""


def _log_odds(probability: float) -> float:
    inside = min(max(probability, CERTAIN), 1 - CERTAIN)
    return math.log(inside / (1 - inside))


def _probability(log_odds: float) -> float:
    if log_odds < 0:  # so that nothing overflows
        return math.exp(log_odds) / (1 + math.exp(log_odds))
    return 1 / (1 + math.exp(-log_odds))


@dataclass(frozen=True)
class Confidence:
    """The scales of entity and relation types, and the least confidence of entities.

    A type without a scale is as its head says; one without a least confidence is always taken.
    """

    entities: Mapping[str, Scale] = field(default_factory=dict)
    relations: Mapping[str, Scale] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return bool(self.entities or self.relations or self.least)

    def applied(self, entities: Iterable[Entity]) -> list[Entity]:
        """Found entities with their confidences on the scales, without those below the least.

        The fragments of discontinuous entities, whose types have other names, stay as they are.
        """
        found = [
            entity
            if entity.confidence is None
            else replace(
                entity, confidence=self.entities.get(entity.type, AS_IS).of(entity.confidence)
            )
            for entity in entities
        ]
        return [own for own in found if (own.confidence or 0.0) >= self.least.get(own.type, 0.0)]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "entities": {type_: asdict(scale) for type_, scale in self.entities.items()},
            "relations": {type_: asdict(scale) for type_, scale in self.relations.items()},
            "least": dict(self.least),
        }

    @classmethod
    def from_dict(
        cls, values: Any, entity_types: Sequence[str], relation_types: Sequence[str]
    ) -> Confidence:
        """Read what `to_dict` gave.

        Raises:
            ValueError: if there are other types, or a number is out of its bounds.
        """
        names = ("entities", "relations", "least")
        if not isinstance(values, dict) or not values.keys() <= {*names}:
            raise ValueError(f"expected the confidences of {', '.join(names)}, found {values!r}")
        tables = {
            name: _table(name, values.get(name, {}), types)
            for name, types in zip(names, (entity_types, relation_types, entity_types), strict=True)
        }
        return cls(
            _scales("entities", tables["entities"]),
            _scales("relations", tables["relations"]),
            {type_: _number(own, 0.0, 1.0, type_) for type_, own in tables["least"].items()},
        )


def _table(name: str, values: Any, types: Sequence[str]) -> dict[str, Any]:
    if not isinstance(values, dict) or not values.keys() <= {*types}:
        raise ValueError(f"the confidences of {name}: expected values of some types")
    return values


def _scales(name: str, table: Mapping[str, Any]) -> dict[str, Scale]:
    scales = {}
    for type_, own in table.items():
        if not isinstance(own, dict) or own.keys() != {"temperature", "offset"}:
            raise ValueError(
                f"the confidences of {name}: {type_} has {own!r}, expected a temperature and an "
                f"offset"
            )
        scales[type_] = Scale(
            _number(own["temperature"], COLDEST, HOTTEST, f"the temperature of {type_}"),
            _number(own["offset"], -FURTHEST, FURTHEST, f"the offset of {type_}"),
        )
    return scales


def _number(value: Any, low: float, high: float, what: str) -> float:
    if type(value) not in (int, float) or not low <= value <= high:
        raise ValueError(f"{what} is {value!r}, expected a number from {low:g} to {high:g}")
    return float(value)


PLAIN = Confidence()
"""Confidences as the heads say them."""


def mean_confidence(several: Sequence[Confidence]) -> Confidence:
    """The means of the scales and of the least confidences, as of thresholds.

    >>> mean_confidence([Confidence({"Ship": Scale(2.0)}), PLAIN]).entities
    {'Ship': Scale(temperature=1.5, offset=0.0)}
    """

    def mean(rows: Sequence[Mapping[str, Scale]]) -> dict[str, Scale]:
        types = dict.fromkeys(type_ for row in rows for type_ in row)
        return {
            type_: Scale(
                fmean(row.get(type_, AS_IS).temperature for row in rows),
                fmean(row.get(type_, AS_IS).offset for row in rows),
            )
            for type_ in types
        }

    least = dict.fromkeys(type_ for own in several for type_ in own.least)
    return Confidence(
        mean([own.entities for own in several]),
        mean([own.relations for own in several]),
        {type_: fmean(own.least.get(type_, 0.0) for own in several) for type_ in least},
    )
