"""What a request asks of a model, and what it gets for a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from dovetail.server.problems import MOST_ERRORS, Fault, ProblemError, invalid
from dovetail.server.served_models import ServedModels, ServedSchemas
from dovetail.server.wire import Thresholds
from dovetail.text.document import Document, Sentence
from dovetail.text.extraction import Extraction, TextRelation

MOST_CANDIDATES = 10_000
"""Candidates of a document that are given, the most probable ones."""


class Found(NamedTuple):
    """The extraction of a document, and the relations that were not taken where they are wanted."""

    extraction: Extraction
    candidates: list[TextRelation] | None = None

    def to_dict(self, id: str) -> dict[str, Any]:
        """The values of `FoundDocument`."""
        values = self.extraction.to_dict() | {"id": id}
        if self.candidates is None:
            return values
        spans = [(own.pieces, own.type) for own in self.extraction.entities]
        place = {span: index for index, span in enumerate(spans)}
        rows = [
            {
                "head": place[own.head.pieces, own.head.type],
                "tail": place[own.tail.pieces, own.tail.type],
                "type": own.type,
                "confidence": own.confidence,
            }
            for own in self.candidates
        ]
        return values | {"candidates": rows}


@dataclass(frozen=True)
class Asked:
    """A model, thresholds, and the probability from which candidates are wanted."""

    model: str
    schemas: ServedSchemas
    relations: Mapping[str, float]
    entities: Mapping[str, float]
    candidates: float | None = None

    @classmethod
    def of(
        cls,
        models: ServedModels,
        *,
        model: str | None = None,
        schema: str | None = None,
        thresholds: Thresholds | None = None,
        candidates: float | None = None,
    ) -> Asked:
        """What a request asks for.

        Raises:
            ProblemError: if there is no such model, schema or type.
        """
        name = models.default if model is None else model
        try:
            schemas = models.find(name, schema or "")
        except LookupError as error:
            raise ProblemError(404, str(error.args[0])) from None
        wanted = thresholds or Thresholds()
        _check("thresholds.entities", wanted.entities, schemas.schema.entity_types)
        _check("thresholds.relations", wanted.relations, schemas.schema.relation_types)
        return cls(name, schemas, wanted.relations, wanted.entities, candidates)

    @property
    def floor(self) -> float | None:
        """The lowest probability of a relation that is wanted, where it is not the model's."""
        lowest = [*self.relations.values(), *([self.candidates] if self.candidates else [])]
        return min(lowest, default=None)

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each relation type is taken, as an answer says it."""
        return {type_: round(value, 4) for type_, value in self._exact.items()}

    @property
    def _exact(self) -> dict[str, float]:
        return {**self.schemas.thresholds, **self.relations}

    def found(self, document: Document, annotated: Iterable[Sentence]) -> Found:
        """The answer for a document whose sentences were annotated, from `floor` on or lower.

        What other requests of the same batch asked for, and this one did not, is left out.
        """
        everything = self.schemas.extractor.extraction(document, annotated)
        taken = everything.reaching(self._exact, self.entities)
        if self.candidates is None:
            return Found(taken)
        lower = dict.fromkeys(self.schemas.schema.relation_types, self.candidates)
        wanted = everything.reaching(lower, self.entities)
        return Found(taken, _not_taken(wanted, taken))


def _not_taken(wanted: Extraction, taken: Extraction) -> list[TextRelation]:
    known = {(own.head, own.tail, own.type) for own in taken.relations}
    others = [own for own in wanted.relations if (own.head, own.tail, own.type) not in known]
    others.sort(key=lambda own: -(own.confidence or 0.0))
    return others[:MOST_CANDIDATES]


def _check(where: str, thresholds: Mapping[str, float], types: Iterable[str]) -> None:
    known = dict.fromkeys(types)
    if unknown := [type_ for type_ in thresholds if type_ not in known]:
        listed = ", ".join(known) or "none"
        raise invalid(
            [
                Fault(where=f"{where}.{type_}", message=f"there is no such type; known: {listed}")
                for type_ in unknown[:MOST_ERRORS]
            ],
            of=len(unknown),
        )
