"""The record of a coupling: all that training, tuning and saving need from a kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dovetail.config import CouplingConfig
from dovetail.heads.parts import HeadParts
from dovetail.strategies.objective import Objective
from dovetail.strategies.strategy import SearchSpace
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import ONLY, Schemas

Section = TypeVar("Section", bound=CouplingConfig)


@dataclass(frozen=True)
class Domain:
    """The sentences of one pool that is learned from, and the schema that they are annotated in.

    `Batch.domains` counts the domains in their order.
    """

    name: str
    sentences: Sequence[Sentence]
    schema: str = ONLY


@dataclass(frozen=True)
class CouplingGround:
    """The values that the objectives of a coupling are made from.

    Args:
        schemas: the types of each schema, by its name.
        domains: the sentences that are learned from.
        heads: the heads of each schema; an objective reads their sizes and keeps none of them.
        output_dims: the width of each task's stream.
        learned: the tasks whose loss has a weight.
        steps_per_epoch: steps of the optimiser.
        seed: what random choices are made by.
    """

    schemas: Schemas
    domains: tuple[Domain, ...]
    heads: Mapping[str, HeadParts]
    output_dims: Mapping[str, int]
    learned: frozenset[str]
    steps_per_epoch: int
    seed: int

    def domains_of(self, schema: str) -> dict[int, Domain]:
        """The domains of a schema, by their places among all."""
        return {place: own for place, own in enumerate(self.domains) if own.schema == schema}


class Coupling(ABC, Generic[Section]):
    """One way in which tasks teach each other.  It holds no state."""

    @abstractmethod
    def objectives(self, section: Section, ground: CouplingGround) -> tuple[Objective, ...]:
        """Return the objectives that stand beside those of the tasks; none where it is off.

        Raises:
            TrainingError: if the corpora are not those that it needs.
        """

    def search_space(self, section: Section) -> SearchSpace:
        """Return the default search space, by fields of the section."""
        return {}

    def card_lines(self, section: Section) -> list[str]:
        """Return the lines of a model's card on it."""
        return []


def coupling_of(section: CouplingConfig) -> Coupling[Any]:
    """The coupling of a section.

    Raises:
        ConfigError: if it cannot be imported.
    """
    coupling = section.implemented()()
    if not isinstance(coupling, Coupling):
        raise TypeError(f"expected a Coupling, found {type(coupling).__name__}")
    return coupling
