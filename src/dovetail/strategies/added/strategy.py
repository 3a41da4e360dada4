"""The common part of `deltas` and `bank`: frozen layers of a base, and what tasks add to them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from torch import nn

from dovetail.strategies.added.block import IncrementalLayers, path_of
from dovetail.strategies.added.config import IncrementalSharingConfig
from dovetail.strategies.added.shape import shape_of
from dovetail.strategies.block import SharingBlock
from dovetail.strategies.copies import OverPieces
from dovetail.strategies.depth.block import depth, depth_of_copies
from dovetail.strategies.layer_factory import layer_factory
from dovetail.strategies.strategy import DROPOUT, Base, Ground, SearchSpace, Strategy
from dovetail.text.document import ENTITY_TASK, RELATION_TASK
from dovetail.text.named_schemas import kind_of_task

Section = TypeVar("Section", bound=IncrementalSharingConfig)

Paths = Mapping[str, Sequence[nn.Module]]
"""For each task the layers that it runs, from the bottom to the top."""


class Added(Strategy[Section], Generic[Section]):
    """The layers of the base, frozen, and what each task that is added has of its own in them.

    Without a base the layers are new, to be filled from a file; if they are copies of the encoder's
    top layers, it parts with these.
    """

    @abstractmethod
    def learned(
        self, section: Section, paths: Paths, ground: Ground, *, input_dim: int
    ) -> IncrementalLayers:
        """The trainable parts of the tasks, for filled layers.

        Raises:
            ModelError: if it does not go together with these layers.
        """

    def final(
        self, section: Section, paths: Paths, ground: Ground, *, input_dim: int
    ) -> SharingBlock:
        """The final form, ready to take its weights."""
        return self.learned(section, paths, ground, input_dim=input_dim).finalize()

    def build(self, section: Section, ground: Ground) -> SharingBlock:
        block = self.learned if ground.chosen is None else self.final
        token_dim = ground.encoder.output_dim
        if not section.copies_layers:
            return block(section, _paths(section, ground), ground, input_dim=token_dim)
        paths = _copied_paths(section, ground)
        layer = next(layer for path in paths.values() for layer in path)
        piece_dim: int = layer.output_dim  # type: ignore[assignment]
        return OverPieces(
            block(section, paths, ground, input_dim=piece_dim),
            input_dim=token_dim,
            readers=[task for task, path in paths.items() if path],
        )

    def search_space(self, section: Section) -> SearchSpace:
        """The dropout: all else is the base's."""
        return {"dropout": DROPOUT}

    def base(self, section: Section) -> Base:
        if section.base is None:
            raise ValueError("expected a base, which the config checks")
        return Base(
            named=section.base,
            sha256=section.base_sha256,
            add_tasks=section.add_tasks,
            add_corpus=section.add_corpus,
            schema_name=section.base_schema,
            calibration_sentences=self.calibration_sentences(section),
            fields=lambda base: shape_of(base, section),
        )

    def calibration_sentences(self, section: Section) -> int:
        """How many training sentences the tasks' own part starts from."""
        return 0

    def card_lines(self, section: Section, block: SharingBlock, *, num_new: int) -> list[str]:
        """The base of the model, and how much the model adds to it."""
        return [
            f"Added to `{section.base}` (SHA-256 {section.base_sha256}), which is in here "
            f"unchanged: {' and '.join(section.add_tasks)}"
            f"{f' of {section.add_corpus}' if section.add_corpus else ''}; {num_new:,} of the "
            f"parameters are new"
        ]


def _own(section: IncrementalSharingConfig) -> dict[str, int]:
    return {ENTITY_TASK: section.entity_layers, RELATION_TASK: section.relation_layers}


def _paths(section: IncrementalSharingConfig, ground: Ground) -> Paths:
    """New layers for each task, with the weights that they have in the base, if it is there."""
    plan = depth(
        layer_factory(section),
        input_dim=ground.encoder.output_dim,
        shared=section.shared_layers,
        own=_own(section),
    )
    path_by_kind = {kind: path_of(plan, kind) for kind in plan.tasks}
    if ground.base is not None:
        for kind, path in path_by_kind.items():
            source = path_of(ground.base, _source(section, kind))
            for layer, trained in zip(path, source, strict=True):
                layer.load_state_dict(trained.state_dict())
    return {task: path_by_kind[kind_of_task(task)] for task in ground.tasks}


def _copied_paths(section: IncrementalSharingConfig, ground: Ground) -> Paths:
    """For each task the base's copies of encoder layers; without a base, the encoder's own."""
    base = ground.base if ground.base is not None else _copies(section, ground)
    if not isinstance(base, OverPieces):
        raise TypeError(f"expected copies of encoder layers, found {type(base).__name__}")
    kinds = {task: kind_of_task(task) for task in ground.tasks}
    return {task: path_of(base.inside, _source(section, kind)) for task, kind in kinds.items()}


def _copies(section: IncrementalSharingConfig, ground: Ground) -> OverPieces:
    """The placement of the base, of copies of layers that the encoder parts with."""
    encoder, own = ground.encoder, _own(section)
    layers = encoder.hand_on(section.shared_layers + max(own.values()))
    dims = {"input_dim": encoder.output_dim, "piece_dim": layers[0].output_dim}
    return depth_of_copies(layers, shared=section.shared_layers, own=own, **dims)


def _source(section: IncrementalSharingConfig, task: str) -> str:
    """The task of the base whose layers a task of this kind runs.

    Where no task has own layers, all run those of the entities: a base that was not trained for
    relations lends them to the relation task.
    """
    return task if section.entity_layers or section.relation_layers else ENTITY_TASK
