"""The record of `deltas`."""

from __future__ import annotations

from dovetail.strategies.added.block import IncrementalLayers
from dovetail.strategies.added.deltas.block import LayersWithDeltas, Scores, with_replaced
from dovetail.strategies.added.deltas.config import DeltasSharingConfig
from dovetail.strategies.added.strategy import Added, Paths
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.objective import Objective, Penalties
from dovetail.strategies.strategy import Ground


class Deltas(Added[DeltasSharingConfig]):
    """Differences from layers, where scores say that they pay."""

    def learned(
        self, section: DeltasSharingConfig, paths: Paths, ground: Ground, *, input_dim: int
    ) -> IncrementalLayers:
        scores = Scores(
            threshold=section.threshold,
            initial=section.initial_score,
            penalty=section.penalty,
            of_matrices=section.scores == "matrices",
        )
        return LayersWithDeltas(
            paths,
            section.add_tasks,
            input_dim=input_dim,
            scores=scores,
            num_random=section.random_layers if section.layers == "random" else None,
            seed=ground.seed,
        )

    def final(
        self, section: DeltasSharingConfig, paths: Paths, ground: Ground, *, input_dim: int
    ) -> SharingBlock:
        """The layers with those weights that training replaced."""
        if not ground.chosen:
            return super().final(section, paths, ground, input_dim=input_dim)
        return with_replaced(paths, ground.chosen, input_dim=input_dim)

    def objectives(
        self, section: DeltasSharingConfig, *, steps_per_epoch: int
    ) -> tuple[Objective, ...]:
        """The penalties, once differences could show whether they are of use."""
        return (Penalties(section.penalty_after_epochs * steps_per_epoch),)

    def card_lines(
        self, section: DeltasSharingConfig, block: SharingBlock, *, num_new: int
    ) -> list[str]:
        """How many weights of each layer are the task's own."""
        replaced = "; ".join(
            f"{task} {', '.join(str(len(names)) for names in layers)}"
            for task, layers in block.assets().items()
        )
        return [
            *super().card_lines(section, block, num_new=num_new),
            f"Weights of its own in each layer, from the lowest: {replaced}",
        ]
