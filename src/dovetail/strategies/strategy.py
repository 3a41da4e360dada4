"""The record of a strategy: all that training, tuning, saving and listing need from a kind.

    section = config.sharing
    strategy_of(section).build(section, ground)  ->  SharingBlock

Only `build` has to be there; the defaults are those of a block that is trained in one joint phase
with what the tasks learn from anyway.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from dovetail.config import Config, SharingConfig
from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.heads.parts import HeadParts
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.curriculum import Curriculum, Phase
from dovetail.strategies.objective import Objective, Penalties
from dovetail.text.document import ENTITY_TASK, TASKS
from dovetail.text.named_schemas import Schemas, kind_of_task

Section = TypeVar("Section", bound=SharingConfig)
Value = TypeVar("Value")

SearchSpace = Mapping[str, Any]
"""Fields of the section with what they may be, as a file of a search space has it."""

DROPOUT: Mapping[str, Any] = {"low": 0.0, "high": 0.6, "step": 0.05}
"""The dropouts that are tried."""


@runtime_checkable
class Encoding(Protocol):
    """The encoder of the tasks' first streams, as far as a strategy knows it."""

    @property
    def output_dim(self) -> int:
        """Width of the vector of a token."""

    def hand_on(self, count: int) -> list[PretrainedLayer]:
        """Part with the top layers of the pretrained encoder, and give the pieces below them.

        Raises:
            ModelError: if it has not so many, or they do not run apart from it.
        """


@dataclass(frozen=True)
class Ground:
    """The values that a block is built from.

    Args:
        encoder: what its streams are made by.
        tasks: in their order.
        seed: what random choices are made by.
        schemas: the types of each schema, by its name.
        awaits_tasks: whether auxiliary tasks are to come, for which the block is built once more.
        chosen: the `assets` of the finalised block, whose form is built then.
        base: the trained block that tasks are added to.
        calibration: token vectors of some batches with their masks, as the base's layers read them.
    """

    encoder: Encoding
    tasks: tuple[str, ...] = TASKS
    seed: int = 0
    schemas: Schemas = field(default_factory=dict)
    awaits_tasks: bool = False
    chosen: Mapping[str, Any] | None = None
    base: SharingBlock | None = None
    calibration: Iterable[tuple[Tensor, Tensor]] = ()

    def for_each(self, *, entity: Value, relation: Value) -> dict[str, Value]:
        """A value for each task, by its kind."""
        kinds = {task: kind_of_task(task) for task in self.tasks}
        return {task: entity if kind == ENTITY_TASK else relation for task, kind in kinds.items()}


@dataclass(frozen=True)
class PlainLayers:
    """Layers that can be run with other weights: how many all tasks run, and how many each task."""

    shared: int
    by_task: Mapping[str, int]


@dataclass(frozen=True)
class Base:
    """The trained model that a section adds tasks to.

    Args:
        named: a folder or a shipped model.
        sha256: its digest, if it is known.
        add_tasks: the kinds of task that are learned.
        add_corpus: the name of the schema that they are of, where the base's stays beside it.
        schema_name: what the base's is called then, if it has a name of its own choice.
        calibration_sentences: how many training sentences `Ground.calibration` is read from.
        fields: from the config of the base to the fields of the section that are taken from it.
    """

    named: str
    sha256: str | None
    add_tasks: tuple[str, ...]
    add_corpus: str | None
    schema_name: str | None
    calibration_sentences: int
    fields: Callable[[Config], dict[str, Any]]


class Strategy(ABC, Generic[Section]):
    """One way of sharing.  It holds no state: what it knows of a model is in the section."""

    @abstractmethod
    def build(self, section: Section, ground: Ground) -> SharingBlock:
        """The block, new, or where `ground.chosen` is given in its final form.

        Raises:
            ModelError: if it does not go together with what it is built on.
        """

    def heads(self, section: Section, parts: Mapping[str, HeadParts]) -> Mapping[str, HeadParts]:
        """The heads of each schema, by its name: those of the config, or what becomes of them."""
        return parts

    def final_heads(
        self, section: Section, parts: Mapping[str, HeadParts]
    ) -> Mapping[str, HeadParts]:
        """The heads in the final form, to take the weights of a saved model."""
        return self.heads(section, parts)

    def objectives(self, section: Section, *, steps_per_epoch: int) -> tuple[Objective, ...]:
        """Return the objectives beside those of the tasks: the penalties of the block."""
        return (Penalties(),)

    def curriculum(self, section: Section, joint: Phase) -> Curriculum:
        """The phases of training, given the one that trains all tasks with all objectives."""
        return (joint,)

    def search_space(self, section: Section) -> SearchSpace:
        """Return the default search space; fields that the section lacks are left out."""
        return {
            "hidden_dim": {"low": 32, "high": 384, "step": 32},
            "dropout": DROPOUT,
        }

    def plain_layers(self, section: Section) -> PlainLayers | None:
        """The layers that tasks can be added to; None if nothing can be added to such a model."""
        return None

    def base(self, section: Section) -> Base | None:
        """Return the model that the tasks are added to; None for a model that stands by itself."""
        return None

    def card_lines(self, section: Section, block: SharingBlock, *, num_new: int) -> list[str]:
        """Return the lines of a model's card on its sharing: what training chose.

        Args:
            section: the settings.
            block: as it is saved.
            num_new: the number of parameters that are not those of its base.
        """
        return []

    def card_lines_of_heads(self, section: Section, learned: Mapping[str, Any]) -> list[str]:
        """Return the lines of a model's card on the heads of a schema, given what they learned."""
        return []


def strategy_of(section: SharingConfig) -> Strategy[Any]:
    """The strategy of a section.

    Raises:
        ConfigError: if it cannot be imported.
    """
    strategy = section.implemented()()
    if not isinstance(strategy, Strategy):
        raise TypeError(f"expected a Strategy, found {type(strategy).__name__}")
    return strategy
