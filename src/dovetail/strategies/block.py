"""The abstraction behind every sharing strategy: streams in, streams out, and who owns what."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Self

from torch import Tensor, nn

from dovetail.encoders.transformer_layers import PretrainedLayer
from dovetail.strategies.streams import Streams


class SharingBlock(nn.Module, ABC):
    """Turns the streams of some ordered tasks into other streams of the same tasks.

    A block declares, for the tests and for the optimiser, what its parameters serve:

    * `owners` names the tasks that a parameter serves: one task if it is that task's own, several
      if it is shared among them, none if it is frozen;
    * `reads` names, for each task, the tasks whose parameters its loss may reach.

    A task's loss reaches a parameter exactly if it reads one of the parameter's owners, except for
    those that are `left_to_penalties`.
    """

    tasks: tuple[str, ...]
    output_dims: Mapping[str, int]

    @abstractmethod
    def forward(self, streams: Streams) -> Streams:
        """Streams of the same tasks, tokens and mask."""

    @property
    def takes_some(self) -> bool:
        """Whether the streams of some tasks may come in alone, and come out as among all others.

        Those of all tasks of a schema, at least: a batch has the annotations of one, so that
        training needs no stream of the others.  With them come in those that they need.
        """
        return False

    @property
    def borrows_weights(self) -> bool:
        """Whether its layers take other weights on for a moment (`run_with`).

        Then one thread at a time may run the block.
        """
        return False

    @abstractmethod
    def owners(self, parameter: str) -> frozenset[str]:
        """The tasks that the parameter of this name (as in `named_parameters`) serves."""

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """For each task, the tasks whose parameters its loss may reach: by default its own."""
        return {task: frozenset({task}) for task in self.tasks}

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """For each task, the tasks whose streams its own is made of, whether its loss gets there.

        By default, those that it reads.
        """
        return self.reads

    def reached_by(self, task: str) -> frozenset[str]:
        """Names of the parameters that the loss of a task reaches, as declared."""
        left = self.left_to_penalties()
        return frozenset(
            name
            for name, _ in self.named_parameters()
            if name not in left and self.owners(name) & self.reads[task]
        )

    def left_to_penalties(self) -> frozenset[str]:
        """Names of the parameters that no task's loss reaches as the block stands.

        They learn from terms of its own, of the strategy's objectives.
        """
        return frozenset()

    def copied_layers_above(self) -> dict[str, int]:
        """How many layers of a pretrained encoder stand above each weight of a copied layer."""
        return {
            f"{path}.{name}": part.layers_above
            for path, part in self.named_modules()
            if isinstance(part, PretrainedLayer)
            for name, _ in part.named_parameters()
        }

    def replaced_layers_above(self) -> dict[str, int]:
        """The same of what a task has in place of such weights; a block that holds some says so."""
        return {}

    def layers_above(self) -> dict[str, int]:
        """Both, in this block and in those inside of it."""
        replaced = {
            f"{path}.{name}" if path else name: count
            for path, part in self.named_modules()
            if isinstance(part, SharingBlock)
            for name, count in part.replaced_layers_above().items()
        }
        return {**self.copied_layers_above(), **replaced}

    def penalties(self) -> Mapping[str, Tensor]:
        """Terms that training adds to the loss, weighted, by name: what sharing less costs."""
        return {}

    def finalize(self) -> SharingBlock:
        """An equivalent block for inference, smaller where the strategy allows it."""
        return self

    def without(self, tasks: Collection[str]) -> SharingBlock:
        """A block of the other tasks alone, on the same parameters, in which nothing serves these.

        The streams of the others are what they are in this block, to the bit.  So no task may read
        another's; the section of a strategy whose block cannot do this says why (`no_auxiliary`).

        Raises:
            ValueError: if the block cannot do this.
        """
        raise ValueError(f"{type(self).__name__} does not say how tasks are left out of it")

    def _twin(self, tasks: Collection[str]) -> Self:
        """A block with the same parts, which is of the tasks that are not among these."""
        twin = copy.copy(self)
        twin._modules = dict(self._modules)  # so that a part can be exchanged in one of the two
        twin.tasks = tuple(task for task in self.tasks if task not in tasks)
        twin.output_dims = {task: self.output_dims[task] for task in twin.tasks}
        return twin

    def assets(self) -> dict[str, Any]:
        """The JSON values to save, to build the finalised block again.

        Only what the config does not say: what the strategy chose in training.
        """
        return {}

    def learned(self) -> dict[str, Any]:
        """JSON values of what training chose, by name; for people, nothing is built from them."""
        return {}
