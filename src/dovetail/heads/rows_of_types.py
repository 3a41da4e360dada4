"""The last linear maps of heads: which of their rows decide about which type."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Int
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class RowsOfTypes:
    """A linear map of a head that scores types, each by rows of its own.

    Args:
        holder: the module that has the map.
        name: its name there.
        rows: the rows of each type, in the order of the head's types.
    """

    holder: nn.Module
    name: str
    rows: Int[Tensor, "types rows"]

    @property
    def linear(self) -> nn.Linear:
        """The map.

        Raises:
            TypeError: if something else has taken its place.
        """
        found = self.holder.get_submodule(self.name)
        if not isinstance(found, nn.Linear):
            raise TypeError(f"expected a linear map, found {type(found).__name__}")
        return found

    def replace(self, module: nn.Module) -> None:
        """Put another module in its place."""
        self.holder.add_module(self.name, module)
