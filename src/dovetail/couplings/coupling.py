"""The record of a coupling: all that training, tuning and saving need from a kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dovetail.config import CouplingConfig
from dovetail.strategies.objective import Objective
from dovetail.strategies.strategy import SearchSpace
from dovetail.text.document import Sentence
from dovetail.text.named_schemas import Schemas

Section = TypeVar("Section", bound=CouplingConfig)


@dataclass(frozen=True)
class CouplingGround:
    """The values that the objectives of a coupling are made from.

    Args:
        schemas: the types of each schema, by its name.
        sentences: the training sentences of each corpus, by its name.
        output_dims: the width of each task's stream.
        steps_per_epoch: steps of the optimiser.
        seed: what random choices are made by.
    """

    schemas: Schemas
    sentences: Mapping[str, tuple[Sentence, ...]]
    output_dims: Mapping[str, int]
    steps_per_epoch: int
    seed: int


class Coupling(ABC, Generic[Section]):
    """One way in which tasks teach each other.  It holds no state."""

    @abstractmethod
    def objectives(self, section: Section, ground: CouplingGround) -> tuple[Objective, ...]:
        """Return the objectives that stand beside those of the tasks.

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
