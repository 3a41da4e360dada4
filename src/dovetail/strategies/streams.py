"""The token vectors of each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Bool, Float
from torch import Tensor

from dovetail.layers.piece_states import PieceStates


@dataclass(frozen=True)
class Streams:
    """Token vectors for each task, in task order, and the mask of real tokens.

    Where an encoder hands its pieces on, their states come along to the first block.

    Tasks are tied while they hold the *same* tensor: a shared layer then runs once for all of them.

    `notes` are tensors that a block leaves for an objective of its strategy, by name, such as what
    an auxiliary head predicts.  No block reads them.
    """

    by_task: Mapping[str, Float[Tensor, "batch tokens _"]]
    mask: Bool[Tensor, "batch tokens"]
    pieces: PieceStates | None = None
    notes: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def tied(
        cls,
        tokens: Float[Tensor, "batch tokens dim"],
        mask: Bool[Tensor, "batch tokens"],
        tasks: Sequence[str],
        *,
        pieces: PieceStates | None = None,
    ) -> Streams:
        """All tasks see the same tokens."""
        return cls(dict.fromkeys(tasks, tokens), mask, pieces)

    def __getitem__(self, task: str) -> Float[Tensor, "batch tokens _"]:
        return self.by_task[task]

    def of_rows(self, rows: slice) -> Streams:
        """The streams of some sentences of the batch, without pieces."""
        own = {task: tokens[rows] for task, tokens in self.by_task.items()}
        return Streams(own, self.mask[rows])

    def map_shared(self, layer: Callable[[Tensor, Tensor], Tensor]) -> Streams:
        """Run a shared layer once for each distinct tensor, so that tied tasks stay tied."""
        outputs: dict[int, Tensor] = {}
        for tokens in self.by_task.values():
            if id(tokens) not in outputs:
                outputs[id(tokens)] = layer(tokens, self.mask)
        return Streams(
            {task: outputs[id(tokens)] for task, tokens in self.by_task.items()}, self.mask
        )
