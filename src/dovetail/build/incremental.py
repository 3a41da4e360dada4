"""From a config that adds tasks to the frozen layers and what the tasks have of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from dovetail.build.sharing import layer_factory
from dovetail.config import BankSharingConfig, DeltasSharingConfig, IncrementalSharingConfig
from dovetail.document import ENTITY_TASK, RELATION_TASK
from dovetail.sharing import (
    IncrementalLayers,
    LayersOverBank,
    LayersWithDeltas,
    Scores,
    SharingBlock,
    depth,
    path_of,
    with_replaced,
)


def build_incremental(
    config: IncrementalSharingConfig,
    *,
    input_dim: int,
    base: SharingBlock | None = None,
    chosen: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> SharingBlock:
    """The layers of the base, frozen, and what each task that is added has of its own in them.

    Args:
        config: has the shape of the base's layers.
        input_dim: width of the token vectors.
        base: the trained placement; without one, the layers are new, to be filled from a file.
        chosen: assets of the final form, which is built then.
        seed: what random choices are made by.

    Raises:
        ModelError: if more layers are to be drawn at random than there are.
    """
    own = {ENTITY_TASK: config.entity_layers, RELATION_TASK: config.relation_layers}
    plan = depth(layer_factory(config), input_dim=input_dim, shared=config.shared_layers, own=own)
    paths = {task: path_of(plan, task) for task in plan.tasks}
    if base is not None:
        _fill(paths, base)
    if chosen and isinstance(config, DeltasSharingConfig):
        return with_replaced(paths, chosen, input_dim=input_dim)
    block = _in_training(config, paths, input_dim, seed)
    return block if chosen is None else block.finalize()


def _fill(paths: Mapping[str, Sequence[nn.Module]], base: SharingBlock) -> None:
    """Give the layers the weights that they have in the base.

    A base that was not trained for relations lends its entity layers to the relation task.
    """
    for task, path in paths.items():
        source = ENTITY_TASK if path == paths[ENTITY_TASK] else task
        for layer, trained in zip(path, path_of(base, source), strict=True):
            layer.load_state_dict(trained.state_dict())


def _in_training(
    config: IncrementalSharingConfig,
    paths: Mapping[str, Sequence[nn.Module]],
    input_dim: int,
    seed: int,
) -> IncrementalLayers:
    """What the tasks learn, of filled layers."""
    if isinstance(config, BankSharingConfig):
        return LayersOverBank(paths, config.add_tasks, input_dim=input_dim, rank=config.rank)
    if not isinstance(config, DeltasSharingConfig):
        raise TypeError(f"expected deltas or a bank, found {type(config).__name__}")
    scores = Scores(
        threshold=config.threshold,
        initial=config.initial_score,
        penalty=config.penalty,
        of_matrices=config.scores == "matrices",
    )
    return LayersWithDeltas(
        paths,
        config.add_tasks,
        input_dim=input_dim,
        scores=scores,
        num_random=config.random_layers if config.layers == "random" else None,
        seed=seed,
    )
