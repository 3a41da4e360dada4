"""Parts of heads that training needs in another form than inference."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

from torch import Tensor, nn

Head = TypeVar("Head", bound=nn.Module)


class TrainedPart(nn.Module, ABC):
    """A part of a head that may cost something in training, and has a final form."""

    def penalties(self) -> Mapping[str, Tensor]:
        """Terms that training adds to the loss of a batch of the head's schema, by name."""
        return {}

    @abstractmethod
    def finalize(self) -> nn.Module:
        """An equivalent module for inference, of copied weights."""

    def learned(self) -> Mapping[str, Any]:
        """JSON values of what training chose, by name; for people, nothing is built from them."""
        return {}


def trained_parts(head: nn.Module) -> list[TrainedPart]:
    """The parts of a head that have a final form."""
    return [part for part in head.modules() if isinstance(part, TrainedPart)]


def finalised(head: Head) -> Head:
    """The head with the final form of its parts; itself if there is none."""
    parts = trained_parts(head)
    if not parts:
        return head
    return copy.deepcopy(head, {id(part): part.finalize() for part in parts})
