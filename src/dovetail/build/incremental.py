"""From a config that adds tasks to the frozen layers and what the tasks have of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from dovetail.build.sharing import build_copied_layers, layer_factory
from dovetail.config import BankSharingConfig, DeltasSharingConfig, IncrementalSharingConfig
from dovetail.encoders import ConcatenatedEncoder
from dovetail.sharing import (
    IncrementalLayers,
    LayersOverBank,
    LayersWithDeltas,
    OverPieces,
    Scores,
    SharingBlock,
    depth,
    path_of,
    with_replaced,
)
from dovetail.text.document import ENTITY_TASK, RELATION_TASK, TASKS

Paths = Mapping[str, Sequence[nn.Module]]
"""For each task the layers that it runs, from the bottom to the top."""


def build_incremental(
    config: IncrementalSharingConfig,
    encoder: ConcatenatedEncoder,
    *,
    base: SharingBlock | None = None,
    chosen: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> SharingBlock:
    """The layers of the base, frozen, and what each task that is added has of its own in them.

    Args:
        config: has the shape of the base's layers.
        encoder: what the layers read; if they are copies of its top layers and there is no base, it
            parts with these.
        base: the trained placement; without one, the layers are new, to be filled from a file.
        chosen: assets of the final form, which is built then.
        seed: what random choices are made by.

    Raises:
        ModelError: if more layers are to be drawn at random than there are.
    """
    if config.cell != "pretrained":
        paths = _paths(config, encoder.output_dim, base)
        return _block(config, paths, encoder.output_dim, chosen, seed)
    paths = _copied_paths(config, encoder, base)
    layer = next(layer for path in paths.values() for layer in path)
    piece_dim: int = layer.output_dim  # type: ignore[assignment]
    return OverPieces(
        _block(config, paths, piece_dim, chosen, seed),
        input_dim=encoder.output_dim,
        readers=[task for task, path in paths.items() if path],
    )


def _paths(config: IncrementalSharingConfig, input_dim: int, base: SharingBlock | None) -> Paths:
    """New layers for each task, with the weights that they have in the base, if it is there."""
    own = {ENTITY_TASK: config.entity_layers, RELATION_TASK: config.relation_layers}
    plan = depth(layer_factory(config), input_dim=input_dim, shared=config.shared_layers, own=own)
    paths = {task: path_of(plan, task) for task in plan.tasks}
    if base is not None:
        for task, path in paths.items():
            source = path_of(base, _source(config, task))
            for layer, trained in zip(path, source, strict=True):
                layer.load_state_dict(trained.state_dict())
    return paths


def _copied_paths(
    config: IncrementalSharingConfig, encoder: ConcatenatedEncoder, base: SharingBlock | None
) -> Paths:
    """For each task the base's copies of encoder layers; without a base, the encoder's own."""
    if base is None:
        base = build_copied_layers(config, encoder)
    if not isinstance(base, OverPieces):
        raise TypeError(f"expected copies of encoder layers, found {type(base).__name__}")
    return {task: path_of(base.inside, _source(config, task)) for task in TASKS}


def _source(config: IncrementalSharingConfig, task: str) -> str:
    """The task of the base whose layers a task runs.

    Where no task has own layers, all run those of the entities: a base that was not trained for
    relations lends them to the relation task.
    """
    return task if config.entity_layers or config.relation_layers else ENTITY_TASK


def _block(
    config: IncrementalSharingConfig,
    paths: Paths,
    input_dim: int,
    chosen: Mapping[str, Any] | None,
    seed: int,
) -> SharingBlock:
    """The frozen layers with what the tasks have of their own, in its final form if `chosen`."""
    if chosen and isinstance(config, DeltasSharingConfig):
        return with_replaced(paths, chosen, input_dim=input_dim)
    block = _in_training(config, paths, input_dim, seed)
    return block if chosen is None else block.finalize()


def _in_training(
    config: IncrementalSharingConfig,
    paths: Paths,
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
